"""Typical uses of `anthropic`. Each function yields the values that the client returned."""

from anthropic import Anthropic
from calls import KEY, serve

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}]
THINKING = {"type": "enabled", "budget_tokens": 1024}


def client(url):
    return Anthropic(base_url=url, api_key=KEY, max_retries=0)


def asked(model, **options):
    return {"model": model, "max_tokens": 2048, "messages": [{"role": "user", "content": "Hi"}], **options}


def chat(url, model):
    yield client(url).messages.create(**asked(model)).content[0].text


def stream(url, model):
    with client(url).messages.stream(**asked(model)) as events:
        for text in events.text_stream:
            yield text


def call_tools(url, model):
    blocks = client(url).messages.create(**asked(model, tools=TOOLS)).content
    yield [[block.name, block.input] for block in blocks if block.type == "tool_use"]


def stream_tool_calls(url, model):
    with client(url).messages.stream(**asked(model, tools=TOOLS)) as events:
        for event in events:
            if event.type == "content_block_stop" and event.content_block.type == "tool_use":
                yield [event.content_block.name, event.content_block.input]


def think(url, model):
    thoughts, text = client(url).messages.create(**asked(model, thinking=THINKING)).content
    yield [thoughts.thinking, text.text]


def stream_thoughts(url, model):
    with client(url).messages.stream(**asked(model, thinking=THINKING)) as events:
        for event in events:
            if event.type in ("thinking", "text"):
                yield [getattr(event, "thinking", None), getattr(event, "text", None)]


def leave(url, model):
    with client(url).messages.stream(**asked(model)) as events:
        for text in events.text_stream:
            yield text
            break


def usage(url, model):
    with client(url).messages.stream(**asked(model)) as events:
        message = events.get_final_message()
        yield [message.stop_reason, message.usage.input_tokens, message.usage.output_tokens]


serve(globals())
