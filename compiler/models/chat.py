"""Chat templates compiled: a template is filled in with marks for the texts, and what stands around the marks is
kept. So the runtime needs no template language."""

from __future__ import annotations

from typing import Any

from gflow.compiler.models.export import NotLowered

_SYSTEM, _PROMPT = "\ue000system\ue001", "\ue000prompt\ue001"


def pieces(tokenizer: Any) -> dict[str, list[str]] | None:
    """What stands around the texts: `plain` around the prompt, `system` around the system text and the prompt.
    None for a tokenizer without a template.

    Raises NotLowered for a template that does more than put the texts in."""
    if tokenizer.chat_template is None:
        return None
    from gflow.runtime.engines.torch_language import templated

    plain = templated(tokenizer, "", _PROMPT)
    both = templated(tokenizer, _SYSTEM, _PROMPT)
    if plain.count(_PROMPT) != 1 or both.count(_PROMPT) != 1 or both.count(_SYSTEM) != 1:
        raise NotLowered("chat template", "it does not put the texts in once each")
    if both.index(_SYSTEM) > both.index(_PROMPT):
        raise NotLowered("chat template", "it puts the system text after the prompt")
    before, rest = both.split(_SYSTEM)
    made = {"plain": plain.split(_PROMPT), "system": [before, *rest.split(_PROMPT)]}
    for prompt in ("one", " two\n\nlines ", "${x} {{ y }} <|end|>"):
        for system in ("", "Be brief.", " {% z %}\n"):
            if fill(made, system, prompt) != templated(tokenizer, system, prompt):
                raise NotLowered("chat template", "it changes the texts that it is given")
    return made


def fill(chat: dict[str, list[str]], system: str, prompt: str) -> str:
    """The whole text."""
    if not system:
        return prompt.join(chat["plain"])
    before, between, after = chat["system"]
    return f"{before}{system}{between}{prompt}{after}"
