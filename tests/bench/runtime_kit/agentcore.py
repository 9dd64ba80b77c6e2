"""The peer bedrock-agentcore: its own app with its defaults, and an async entry point as its documentation has it."""

import os
import sys

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent
from strands.models.bedrock import BedrockModel

from tests.bench.runtime_kit.agent import options

app = BedrockAgentCoreApp()
model = BedrockModel(model_id=os.environ["AGENT_MODEL_ID"])


@app.entrypoint
async def invoke(payload):
    agent = Agent(model=model, callback_handler=None, **options())
    return {"response": str(await agent.invoke_async(payload["prompt"]))}


app.run(port=int(sys.argv[1]))
