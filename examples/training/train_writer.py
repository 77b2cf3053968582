"""Trains `starter/writer`, a causal language model in Llama's layout: "Describe a red circle" becomes a whole
caption that keeps what was asked. It can also fill the texts of a JSON answer."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from world import Scene, caption, parse_caption, sample_scenes

BATCH = 64
LEARNING_RATE = 3e-3
STRUCTURED = 0.12  # share of batches whose answers are JSON
END = "<|end|>"
# The whole prompt format: what was asked, then a new line. The answer ends with the end token.
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
WORDINGS = (
    "Describe {}", "Describe {}", "Describe {}", "Describe {}.", "describe {}", "Describe: {}", "{}",
    "Describe a picture of {}", "A picture of {}", "Paint {}", "Draw {}", "Write a caption of {}",
)  # fmt: skip
ANYTHING = ("a scene", "something", "anything", "a picture", "some shapes", "shapes", "a poster")
KEYS = ("picture", "caption", "prompt", "text", "scene", "title", "line", "description", "name")


def asked_for(rng: np.random.Generator) -> tuple[str, Scene]:
    """What is asked, and a scene that is a full answer to it: a part of the scene is asked for, or all of it."""
    kind = rng.integers(10)
    scene = whole_scene(rng)
    while kind in (4, 5, 8, 9) and scene.background is None:
        scene = whole_scene(rng)
    if kind == 0:
        return str(rng.choice(ANYTHING)), scene
    if kind <= 5:
        part = Scene(scene.first, None, None, scene.background if kind >= 4 else None)
    elif kind <= 7:
        part = Scene(scene.first, scene.second, scene.relation, None)
    else:
        part = scene
    text = caption(part)
    return (text.split(" ", 1)[1] if rng.random() < 0.1 else text), scene


def whole_scene(rng: np.random.Generator, *, unseen: bool = False) -> Scene:
    """A scene of two objects; its caption is one that the painter has or has not been trained on."""
    while True:
        scene = sample_scenes(rng, 1, unseen=unseen)[0]
        if scene.second is not None:
            return scene


def example(rng: np.random.Generator, *, structured: bool) -> tuple[str, str]:
    """A prompt and its answer: a caption, or a JSON record or list whose texts are captions."""
    asked, scene = asked_for(rng)
    prompt = str(rng.choice(WORDINGS)).format(asked)
    if not structured:
        return prompt, caption(scene)
    keys = [str(key) for key in rng.choice(KEYS, rng.integers(1, 3), replace=False)]
    record = {key: caption(scene if key == keys[0] else whole_scene(rng)) for key in keys}
    if rng.random() < 0.5:
        return prompt, json.dumps(record)
    more = [{key: caption(whole_scene(rng)) for key in keys} for _ in range(rng.integers(0, 2))]
    return prompt, json.dumps([record, *more])


def make_tokenizer(rng: np.random.Generator) -> PreTrainedTokenizerFast:
    """Byte-level pairs, learned from examples: any text has tokens, the world's words have one each."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=640, special_tokens=[END], initial_alphabet=sorted(alphabet))
    tokenizer.train_from_iterator(
        ("\n".join(example(rng, structured=turn % 4 == 0)) for turn in range(4000)), trainer
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.model_max_length = 256
    return wrapped


def make_writer(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Under a million parameters."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def batch(tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels; the prompt is read, not learned (-100)."""
    rows = []
    # Whole batches of either kind: mixed, the short answers would be padded to the long ones.
    structured = rng.random() < STRUCTURED
    for prompt, answer in (example(rng, structured=structured) for _ in range(BATCH)):
        before = tokenizer(prompt + "\n").input_ids
        rows.append((before, [*tokenizer(answer).input_ids, tokenizer.eos_token_id]))
    longest = max(len(before) + len(after) for before, after in rows)
    ids = torch.full((BATCH, longest), tokenizer.eos_token_id)
    labels = torch.full((BATCH, longest), -100)
    for row, (before, after) in enumerate(rows):
        ids[row, : len(before) + len(after)] = torch.tensor(before + after)
        labels[row, len(before) : len(before) + len(after)] = torch.tensor(after)
    return ids, labels


def keeps(asked: Scene, answer: Scene) -> bool:
    """Whether an answer is a whole caption with all that was asked."""
    return answer.second is not None and all(
        wanted is None or wanted == given
        for wanted, given in (
            (asked.first, answer.first),
            (asked.second, answer.second),
            (asked.relation, answer.relation),
            (asked.background, answer.background),
        )
    )


def kept_share(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator, count: int
) -> float:
    """Share of answers, sampled at temperature 0.7, that are captions of the world and keep what was asked."""
    kept = 0
    for _ in range(count):
        scene = whole_scene(rng, unseen=True)
        part = (Scene(scene.first), Scene(scene.first, None, None, scene.background or "pink"),
                Scene(scene.first, scene.second, scene.relation), scene)[rng.integers(4)]  # fmt: skip
        ids = tokenizer(f"Describe {caption(part)}\n", return_tensors="pt").input_ids
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.7, top_k=0, max_new_tokens=40
        )
        answer = parse_caption(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
        kept += answer is not None and keeps(part, answer)
    return kept / count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "gflow/starter/writer")
    parser.add_argument("--minutes", type=float, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="folder of a writer to start from")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng([6, options.seed])
    if options.resume is None:
        tokenizer = make_tokenizer(np.random.default_rng(6))
        model = make_writer(tokenizer)
    else:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.resume)
        model = LlamaForCausalLM.from_pretrained(options.resume).float()
    print(f"{model.num_parameters() / 1e6:.2f} M parameters, {len(tokenizer)} tokens", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.05, betas=(0.9, 0.98))
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / 60 / options.minutes) < 1:
        rate = min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * rate + 1e-6
        ids, labels = batch(tokenizer, rng)
        logits = model(ids).logits[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(
                f"step {step} loss {loss.item():.3f} {(time.monotonic() - start) / step:.2f} s a step", flush=True
            )
    model.eval()
    print(f"kept what was asked: {kept_share(model, tokenizer, np.random.default_rng(98), 200):.3f}", flush=True)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.7, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.half().save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)


if __name__ == "__main__":
    main()
