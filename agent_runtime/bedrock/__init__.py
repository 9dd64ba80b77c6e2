"""How model calls reach Amazon Bedrock: on the event loop (`native`), or on a thread each (`boto3`).

Both are Strands' own BedrockModel on a boto3 client: what is asked, how it is signed and retried, and what an answer
or an error means is theirs in both. They differ in who waits for the bytes.
"""
