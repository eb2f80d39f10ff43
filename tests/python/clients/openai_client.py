"""Typical uses of `openai`. Each function yields the values that the client returned."""

import json
import time

from calls import KEY, serve
from openai import OpenAI

MESSAGES = [{"role": "user", "content": "Hi"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Weather of a city", "parameters": PARAMETERS}
TOOLS = [{"type": "function", "function": WEATHER}]


def client(url):
    return OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)


def complete(url, model, **options):
    return client(url).chat.completions.create(model=model, messages=MESSAGES, **options)


def chat(url, model):
    yield complete(url, model).choices[0].message.content


def stream(url, model):
    for chunk in complete(url, model, stream=True):
        yield chunk.choices[0].delta.content


def call_tools(url, model):
    calls = complete(url, model, tools=TOOLS).choices[0].message.tool_calls
    yield [[call.function.name, json.loads(call.function.arguments)] for call in calls]


def stream_tool_calls(url, model):
    asked = {"model": model, "messages": MESSAGES, "tools": TOOLS}
    with client(url).chat.completions.stream(**asked) as events:
        for event in events:
            if event.type == "tool_calls.function.arguments.done":
                yield [event.name, json.loads(event.arguments)]


def think(url, model):
    message = complete(url, model, reasoning_effort="low").choices[0].message
    yield [message.reasoning_content, message.content]


def stream_thoughts(url, model):
    for chunk in complete(url, model, reasoning_effort="low", stream=True):
        delta = chunk.choices[0].delta
        yield [getattr(delta, "reasoning_content", None), delta.content]


def leave(url, model):
    with complete(url, model, stream=True) as chunks:
        for chunk in chunks:
            if chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
                break


def embed(url, model):
    yield [each.embedding for each in client(url).embeddings.create(model=model, input=["a", "b"]).data]


def catalog(url, model):
    yield [[each.id for each in client(url).models.list()], client(url).models.retrieve(model).id]


def usage(url, model):
    *_, last = complete(url, model, stream=True, stream_options={"include_usage": True})
    yield [last.usage.prompt_tokens, last.usage.completion_tokens]


def respond(url, model):
    yield client(url).responses.create(model=model, input="Hi").output_text


def stream_response(url, model):
    with client(url).responses.create(model=model, input="Hi", stream=True) as events:
        for event in events:
            yield [event.type, getattr(event, "delta", None)]


def leave_response(url, model):
    with client(url).responses.create(model=model, input="Hi", stream=True) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta
                break


def start_response(url, model, **options):
    return client(url).responses.create(model=model, input="Hi", background=True, **options)


def poll_response(url, model):
    response = start_response(url, model)
    while response.status in ("queued", "in_progress"):
        yield response.status
        time.sleep(0.02)
        response = client(url).responses.retrieve(response.id)
    yield [response.status, response.output_text]


def resume_response(url, model):
    last = None
    try:
        for event in start_response(url, model, stream=True):
            if event.type == "response.created":
                started = event.response.id
            last = event.sequence_number
            yield [last, getattr(event, "delta", None)]
    except Exception:
        yield "broken"
    for event in client(url).responses.retrieve(started, stream=True, starting_after=last):
        yield [event.sequence_number, getattr(event, "delta", None)]
    yield event.response.status


def cancel_response(url, model):
    started = start_response(url, model)
    cancelled = client(url).responses.cancel(started.id)
    yield [cancelled.status, client(url).responses.retrieve(started.id).status]
    client(url).responses.delete(started.id)
    client(url).responses.retrieve(started.id)


def start_too_many_responses(url, model):
    started = []
    try:
        while True:
            started.append(start_response(url, model).id)
            yield len(started)
    finally:
        for each in started:
            client(url).responses.cancel(each)


serve(globals())
