"""Run coro-openai against llama-cpp-python's server, with a tiny model that this script makes.

    python3 -m venv .tools/llama
    .tools/llama/bin/pip install "llama-cpp-python[server]" gguf   # builds llama.cpp: minutes
    .venv/bin/python scripts/against_llama_cpp.py .tools/llama/bin/python

The model has two layers of random numbers, so that its words mean nothing; the server, the
protocol and the counts are real. Prints what was asked and answered; fails if anything is odd.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

MODEL = """
import sys, gguf, numpy as np
words = "the a model answers two plus is four and says hello chorus of many".split()
bytes_ = [f"<0x{i:02X}>" for i in range(256)]
vocabulary = ["<unk>", "<s>", "</s>", *bytes_, *("\\u2581" + word for word in words)]
types = [2, 3, 3, *[6] * 256, *[1] * len(words)]
width, heads, hidden, layers = 64, 4, 128, 2
rng = np.random.default_rng(7)
def weights(*shape):
    return (rng.standard_normal(shape) * 0.3).astype(np.float32)
ones = np.ones(width, np.float32)
writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_context_length(512)
writer.add_embedding_length(width)
writer.add_block_count(layers)
writer.add_feed_forward_length(hidden)
writer.add_head_count(heads)
writer.add_head_count_kv(heads)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(width // heads)
writer.add_vocab_size(len(vocabulary))
writer.add_tokenizer_model("llama")
writer.add_token_list(vocabulary)
writer.add_token_scores([0.0] * len(vocabulary))
writer.add_token_types(types)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)
output = weights(len(vocabulary), width)
output[: len(vocabulary) - len(words)] *= 0.01  # words are likelier than bytes
writer.add_tensor("token_embd.weight", weights(len(vocabulary), width))
writer.add_tensor("output_norm.weight", ones)
writer.add_tensor("output.weight", output)
for layer in range(layers):
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.{layer}.{name}.weight", weights(width, width))
    writer.add_tensor(f"blk.{layer}.ffn_gate.weight", weights(hidden, width))
    writer.add_tensor(f"blk.{layer}.ffn_up.weight", weights(hidden, width))
    writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(width, hidden))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""
SERVER, CORO = 18087, 18088
KEY = "made-up-key"


def main() -> None:
    python = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.gguf"
        subprocess.run([python, "-c", MODEL, str(model)], check=True, capture_output=True)
        options = f"--model_alias coro-tiny --host 127.0.0.1 --port {SERVER} --api_key {KEY}"
        server = [python, "-m", "llama_cpp.server", "--model", str(model), *options.split()]
        environ = {
            **os.environ,
            "CORO_OPENAI_LLAMACPP_BASE_URL": f"http://127.0.0.1:{SERVER}/v1",
            "CORO_OPENAI_LLAMACPP_API_KEY": KEY,
            "CORO_OPENAI_LLAMACPP_MODELS": "tiny=coro-tiny",
            "CORO_OPENAI_WRONG_BASE_URL": f"http://127.0.0.1:{SERVER}/v1",
            "CORO_OPENAI_WRONG_API_KEY": "another-key",
            "CORO_OPENAI_WRONG_MODELS": "refused=coro-tiny",
            "CORO_DISABLED_PLUGINS": "deepseek,gemini,groq",
            "CORO_TIMEOUT": "30",
        }
        coro = [sys.executable, "-m", "coro_core", "serve", "--port", str(CORO)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started = [subprocess.Popen(server, **quiet)]
        try:
            wait_for(f"http://127.0.0.1:{SERVER}/v1/models")
            started.append(subprocess.Popen(coro, env=environ, cwd=folder, **quiet))
            wait_for(f"http://127.0.0.1:{CORO}/health")
            show()
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


def show() -> None:
    models = ["tiny", "openai:llamacpp/coro-tiny", "refused"]
    answered, named, refused = ask({"prompt": "What is 2+2?", "models": models, "max_tokens": 12})
    assert answered["error"] is named["error"] is None
    assert answered["finish_reason"] == "length"
    assert answered["usage"]["output_tokens"] == 12
    assert answered["upstream_model"] == "llamacpp/coro-tiny"
    assert refused["error_code"] == "authentication_failed"
    (long,) = ask({"prompt": "two plus two " * 200, "models": ["tiny"]})
    assert long["error_code"] == "too_large"


def ask(content: dict[str, object]) -> list[dict]:
    shown = {**content, "prompt": str(content["prompt"])[:20]}
    print("POST /chat", json.dumps(shown))
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{CORO}/chat", body, headers)
    try:
        with urlopen(request, timeout=40) as reply:
            rows = json.load(reply)["responses"]
    except HTTPError as error:
        rows = json.load(error)["responses"]
    for row in rows:
        said = row["error"] or f"{row['tokens']} tokens: {row['response']}"
        print(f"  {row['model']:26} {row['upstream_model']:20} {said}")
    return rows


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urlopen(Request(url, headers={"Authorization": f"Bearer {KEY}"}), timeout=5)
        except (URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{url} does not answer")


if __name__ == "__main__":
    main()
