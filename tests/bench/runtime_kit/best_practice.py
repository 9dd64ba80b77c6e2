"""The peer "best practice": the same agent on FastAPI, with everything that is known to help boto3's path.

One shared model, an executor with a thread for every caller, a connection pool as large, an agent per request.
"""

import asyncio
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import uvicorn
from botocore.config import Config
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from strands import Agent
from strands.models.bedrock import BedrockModel

from tests.bench.runtime_kit.agent import options

CALLERS = 100

model = BedrockModel(
    model_id=os.environ["AGENT_MODEL_ID"], boto_client_config=Config(max_pool_connections=CALLERS)
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(CALLERS + 8))
    yield


app = FastAPI(lifespan=lifespan)


class Question(BaseModel):
    prompt: str


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/invocations")
async def invoke(question: Question, request: Request):
    agent = Agent(model=model, callback_handler=None, **options())
    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(events(agent, question.prompt), media_type="text/event-stream")
    return {"response": str(await agent.invoke_async(question.prompt))}


async def events(agent, prompt):
    async for event in agent.stream_async(prompt):
        if "data" in event:
            yield f"event: token\ndata: {json.dumps({'text': event['data']})}\n\n"


uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
