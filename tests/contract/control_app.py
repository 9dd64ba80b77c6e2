"""The control: bedrock-agentcore's own app, as its documentation has it, with an entry point that echoes."""

import sys
from collections.abc import AsyncIterator

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


async def events(response: str) -> AsyncIterator[dict]:
    yield {"text": response}


@app.entrypoint
async def invoke(payload: dict, context: object) -> object:
    response = f"You said: {payload['prompt']}"
    if "text/event-stream" in context.request.headers.get("accept", ""):
        return events(response)
    return {"response": response, "session_id": context.session_id}


app.run(port=int(sys.argv[1]), host="127.0.0.1")
