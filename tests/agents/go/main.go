// Command client calls one method of Ollama's own Go client. It prints the results as JSON, one
// value a line.
//
//	OLLAMA_HOST=http://127.0.0.1:8083/ollama KEY=none client Chat gemma3
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/envconfig"
)

// keyed adds the key to each request, because the client has no field for a key.
type keyed struct{ key string }

func (k keyed) RoundTrip(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(request)
}

type call func(ctx context.Context, client *api.Client, model string) error

func say(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}

// told prints the result of a call that does not stream.
func told[T any](value T, err error) error {
	if err != nil {
		return err
	}
	return say(value)
}

func sayProgress(progress api.ProgressResponse) error { return say(progress) }
func sayChat(part api.ChatResponse) error             { return say(part) }

var blob = []byte("a blob of our own")

func weather() api.Tools {
	properties := api.NewToolPropertiesMap()
	properties.Set("city", api.ToolProperty{Type: api.PropertyType{"string"}})
	parameters := api.ToolFunctionParameters{Type: "object", Properties: properties, Required: []string{"city"}}
	return api.Tools{{Type: "function", Function: api.ToolFunction{Name: "get_weather", Parameters: parameters}}}
}

// callTool lets the model call a tool, and sends the tool's result to the model.
func callTool(ctx context.Context, client *api.Client, model string) error {
	messages := []api.Message{{Role: "user", Content: "Weather in Tokyo?"}}
	for {
		said := api.Message{}
		request := &api.ChatRequest{Model: model, Messages: messages, Tools: weather()}
		err := client.Chat(ctx, request, func(part api.ChatResponse) error {
			said.Role = part.Message.Role
			said.Content += part.Message.Content
			said.ToolCalls = append(said.ToolCalls, part.Message.ToolCalls...)
			return say(part)
		})
		if err != nil || len(said.ToolCalls) == 0 {
			return err
		}
		messages = append(messages, said)
		for _, call := range said.ToolCalls {
			result := fmt.Sprintf("%v has rain", call.Function.Arguments.ToMap()["city"])
			messages = append(messages, api.Message{Role: "tool", Content: result, ToolName: call.Function.Name, ToolCallID: call.ID})
		}
	}
}

var calls = map[string]call{
	"Chat": func(ctx context.Context, client *api.Client, model string) error {
		messages := []api.Message{{Role: "user", Content: "Hi"}}
		return client.Chat(ctx, &api.ChatRequest{Model: model, Messages: messages}, sayChat)
	},
	"Generate": func(ctx context.Context, client *api.Client, model string) error {
		request := &api.GenerateRequest{Model: model, Prompt: "Hi"}
		return client.Generate(ctx, request, func(part api.GenerateResponse) error { return say(part) })
	},
	"Pull": func(ctx context.Context, client *api.Client, model string) error {
		return client.Pull(ctx, &api.PullRequest{Model: model, Insecure: true}, sayProgress)
	},
	"Push": func(ctx context.Context, client *api.Client, model string) error {
		return client.Push(ctx, &api.PushRequest{Model: model, Insecure: true}, sayProgress)
	},
	"Create": func(ctx context.Context, client *api.Client, model string) error {
		request := &api.CreateRequest{Model: model, From: "gemma3:270m", Parameters: map[string]any{"temperature": 0.5}}
		return client.Create(ctx, request, sayProgress)
	},
	"List": func(ctx context.Context, client *api.Client, _ string) error { return told(client.List(ctx)) },
	"ListRunning": func(ctx context.Context, client *api.Client, _ string) error {
		return told(client.ListRunning(ctx))
	},
	"Copy": func(ctx context.Context, client *api.Client, model string) error {
		return client.Copy(ctx, &api.CopyRequest{Source: model, Destination: "copied"})
	},
	"Delete": func(ctx context.Context, client *api.Client, model string) error {
		return client.Delete(ctx, &api.DeleteRequest{Model: model})
	},
	"Show": func(ctx context.Context, client *api.Client, model string) error {
		return told(client.Show(ctx, &api.ShowRequest{Model: model}))
	},
	"Heartbeat": func(ctx context.Context, client *api.Client, _ string) error { return client.Heartbeat(ctx) },
	"Embed": func(ctx context.Context, client *api.Client, model string) error {
		return told(client.Embed(ctx, &api.EmbedRequest{Model: model, Input: "Hi"}))
	},
	"Embeddings": func(ctx context.Context, client *api.Client, model string) error {
		return told(client.Embeddings(ctx, &api.EmbeddingRequest{Model: model, Prompt: "Hi"}))
	},
	"CreateBlob": func(ctx context.Context, client *api.Client, _ string) error {
		return client.CreateBlob(ctx, fmt.Sprintf("sha256:%x", sha256.Sum256(blob)), bytes.NewReader(blob))
	},
	"Version": func(ctx context.Context, client *api.Client, _ string) error { return told(client.Version(ctx)) },

	// With these methods, a client would act under the identity of Ollama's machine.
	"ModelRecommendationsExperimental": func(ctx context.Context, client *api.Client, _ string) error {
		return told(client.ModelRecommendationsExperimental(ctx))
	},
	"CloudStatusExperimental": func(ctx context.Context, client *api.Client, _ string) error {
		return told(client.CloudStatusExperimental(ctx))
	},
	"WebSearchExperimental": func(ctx context.Context, client *api.Client, _ string) error {
		return told(client.WebSearchExperimental(ctx, &api.WebSearchRequest{Query: "Sluice"}))
	},
	"WebFetchExperimental": func(ctx context.Context, client *api.Client, _ string) error {
		return told(client.WebFetchExperimental(ctx, &api.WebFetchRequest{URL: "https://sluice.example"}))
	},
	"Signout":    func(ctx context.Context, client *api.Client, _ string) error { return client.Signout(ctx) },
	"Disconnect": func(ctx context.Context, client *api.Client, _ string) error { return client.Disconnect(ctx, "key") },
	"Whoami":     func(ctx context.Context, client *api.Client, _ string) error { return told(client.Whoami(ctx)) },
}

// methods has the names of all the client's methods.
func methods() []string {
	names := []string{}
	client := reflect.TypeFor[*api.Client]()
	for index := range client.NumMethod() {
		names = append(names, client.Method(index).Name)
	}
	return names
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client METHOD MODEL")
		os.Exit(2)
	}
	name, model := os.Args[1], os.Args[2]
	if name == "methods" {
		_ = say(methods())
		return
	}
	callNamed, ok := calls[name]
	if name == "tool" {
		callNamed, ok = callTool, true
	}
	if !ok || (name != "tool" && !slices.Contains(methods(), name)) {
		fmt.Fprintf(os.Stderr, "Cannot call %s: there is no such method\n", name)
		os.Exit(2)
	}
	client := api.NewClient(envconfig.Host(), &http.Client{Transport: keyed{os.Getenv("KEY")}})
	if err := callNamed(context.Background(), client, model); err != nil {
		fmt.Fprintf(os.Stderr, "%T: %v\n", err, err)
		os.Exit(1)
	}
}
