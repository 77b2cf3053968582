"""Scripts that use every construct of the language, for tests of the grammar."""

from __future__ import annotations

POSTER = """\
model writer  = language("starter/writer")
model painter = diffusion("starter/scenes")
model judge   = scorer("starter/judge")

/// A poster from one idea: expand it, paint eight drafts, keep the best, finish it.
flow poster(idea: text = "a red circle above a blue square", drafts: int = 8) -> image {
  prompt = writer.generate("Describe ${idea}", max_tokens: 40)
  images = for i in 1..drafts { painter.generate(prompt, size: 64x64, steps: 12) }
  images
    |> best(by: img => judge.score(img, prompt))
    |> resize(512x512)
    |> grade(contrast: 1.1, saturation: 1.2)
}
"""

REFINE = """\
flow both(prompt: text, brief: text) {
/// Try until it is good enough; attempts are independent, so they may run as one batch.
hero = refine img up to 6 { painter.generate(prompt, steps: 12) }
       until judge.score(img, prompt) >= 0.8
       keep best by judge.score(img, prompt)

/// Carry state from one attempt to the next.
copy = refine draft from writer.generate(brief) up to 4 {
  notes = critic.generate("What is weak in: ${draft}")
  writer.generate("Rewrite: ${draft}\\nFix: ${notes}")
} until critic.score(draft, brief) >= 0.7
}
"""

MANY = """\
/// Routing, failure policy, batch input with a schema.
flow catalogue(rows: list<{ sku: text, photo: image, kind: text }>) -> list<{ sku: text, hero: image }> {
  for row in rows {
    hero = try {
      match row.kind {
        "shoe" => painter.generate("studio shot", image: row.photo, strength: 0.6)
        _      => row.photo |> resize(1024x1024, fit: "contain")
      }
    } retry 2 backoff 500ms timeout 60s else { row.photo }
    { sku: row.sku, hero: hero }
  }
}

/// Many modalities, one pipeline.
flow story(idea: text, scenes: int = 3) -> { film: video, cover: image } {
  shots  = writer.generate("Tell ${idea} in ${scenes} scenes", as: list<{ picture: text, line: text }>)
  frames = for s in shots { painter.generate(s.picture) |> resize(768x432) }
  voice  = for s in shots { narrator.speak(s.line) }
  film   = slideshow(frames, hold: 3s, crossfade: 500ms, fps: 24fps) |> with_audio(concat(voice) |> loudness(-16))
  { film: film, cover: first(frames) }
}

test "a poster has the asked size" {
  img = poster(idea: "a red circle", drafts: 2)
  expect img.size == 512x512
}
"""

REST = '''\
use "shapes.gflow" as shapes // what others drew
let limit = 512MiB; let share = 40%

// A comment of its own,
// on two lines.

record Point { x: int, y: int
  label: "a" | "b"
  inner: list<text?>? }
extern op shout(
  /// What to shout.
  line: text, // loud
  times: int in 1..5 = 2,
) -> text from "ops.py:shout" impure

flow rest(up: int = 1, p: shapes.Point, c: ("a" | "b")? = none) {
  to = if up > 1 and not (up == 4 or up != 3) { -up % 2 } else if up <= 0 { none ?? 3 } else { 4 - (3 - 2) }; by=1
  // before the best
  best = [1, 2.5, 1_000, 1e-3, 24fps, 2x, 250ms, 2min, 1h][0] // after the best


  named = f(
    a, // first
    // second
    b: { x: 1, to, },
    as: { picture: text },
  )
  match best { 1 => { to }
    -2 => {}
    "x" => { y = 1; y }
    _ => { x: (1 + 2) * 3 } }
  x = refine a up to 3 { a } until a else { 0 }
  long = """
    A ${"nested ${"text"}"} and \\u{1F600},
      indented.
    """
  for item, index in (x |> f()).list { item => index }
  // at the end
}
'''

SCRIPTS = {"poster": POSTER, "refine": REFINE, "many": MANY, "rest": REST}
