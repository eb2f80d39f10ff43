"""Typical uses of `ollama`. Each function yields the values that the client returned."""

from calls import KEY, serve
from ollama import Client

MESSAGES = [{"role": "user", "content": "Hi"}]


def get_weather(city: str) -> str:
    """Weather of a city.

    Args:
        city: Its name
    """
    return "sunny"


def client(url):
    return Client(host=f"{url}/ollama", headers={"Authorization": f"Bearer {KEY}"})


def chat(url, model):
    yield client(url).chat(model, MESSAGES).message.content


def stream(url, model):
    for part in client(url).chat(model, MESSAGES, stream=True):
        yield part.message.content


def call_tools(url, model):
    calls = client(url).chat(model, MESSAGES, tools=[get_weather]).message.tool_calls
    yield [[call.function.name, call.function.arguments] for call in calls]


def stream_tool_calls(url, model):
    for part in client(url).chat(model, MESSAGES, tools=[get_weather], stream=True):
        for call in part.message.tool_calls or []:
            yield [call.function.name, call.function.arguments]


def think(url, model):
    message = client(url).chat(model, MESSAGES, think=True).message
    yield [message.thinking, message.content]


def stream_thoughts(url, model):
    for part in client(url).chat(model, MESSAGES, think=True, stream=True):
        yield [part.message.thinking, part.message.content]


def leave(url, model):
    parts = client(url).chat(model, MESSAGES, stream=True)
    for part in parts:
        yield part.message.content
        break
    parts.close()


def generate(url, model):
    yield client(url).generate(model, "Hi").response


def stream_generate(url, model):
    for part in client(url).generate(model, "Hi", stream=True):
        yield part.response


def embed(url, model):
    yield client(url).embed(model, ["a", "b"]).embeddings


def catalog(url, model):
    names = [each.model for each in client(url).list().models]
    running = [each.model for each in client(url).ps().models]
    yield [names, running, client(url).show(model).capabilities]


serve(globals())
