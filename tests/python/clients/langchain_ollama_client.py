"""Typical uses of `langchain-ollama`. Each function yields the values that the client returned."""

from calls import KEY, serve
from langchain_ollama import ChatOllama, OllamaEmbeddings


def get_weather(city: str) -> str:
    """Weather of a city."""
    return "sunny"


def llm(url, model, **options):
    headers = {"Authorization": f"Bearer {KEY}"}
    return ChatOllama(base_url=f"{url}/ollama", model=model, client_kwargs={"headers": headers}, **options)


def chat(url, model):
    yield llm(url, model).invoke("Hi").content


def stream(url, model):
    for part in llm(url, model).stream("Hi"):
        yield part.content


def call_tools(url, model):
    calls = llm(url, model).bind_tools([get_weather]).invoke("Hi").tool_calls
    yield [[call["name"], call["args"]] for call in calls]


def stream_tool_calls(url, model):
    for part in llm(url, model).bind_tools([get_weather]).stream("Hi"):
        for call in part.tool_calls:
            yield [call["name"], call["args"]]


def think(url, model):
    message = llm(url, model, reasoning=True).invoke("Hi")
    yield [message.additional_kwargs["reasoning_content"], message.content]


def stream_thoughts(url, model):
    for part in llm(url, model, reasoning=True).stream("Hi"):
        yield [part.additional_kwargs.get("reasoning_content"), part.content]


def leave(url, model):
    parts = llm(url, model).stream("Hi")
    for part in parts:
        yield part.content
        break
    parts.close()


def embed(url, model):
    yield OllamaEmbeddings(base_url=f"{url}/ollama", model=model).embed_documents(["a", "b"])


serve(globals())
