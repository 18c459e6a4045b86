"""Reference vectors for hit-corpus: duration buckets, note selection, MIDI times.

Writes corpus.json beside itself. Needs mido (1.3): it reads the same MIDI file with its own tempo map, which is what
the times are compared with. Buckets and selection are the formulas of the specification (1.5, 1.6), written plainly.

    python corpus.py
"""

import io
import json
import math
import pathlib
import random

import mido


def bucket(d):
    d = min(max(d, 0.05), 4.0)
    return min(max(math.floor(31 * math.log(d / 0.05) / math.log(80)), 0), 31)


def buckets(rng):
    durations = [rng.uniform(0.0, 5.0) for _ in range(60)] + [math.exp(rng.uniform(-4, 2)) for _ in range(140)]
    # A rounding either way is right on an edge between two buckets: keep clear of them.
    clear = [d for d in durations if abs(31 * math.log(max(d, 1e-9) / 0.05) / math.log(80) % 1 - 0.5) < 0.499]
    return [[d, bucket(d)] for d in clear]


def selection(rng):
    notes = []
    for _ in range(120):
        onset = rng.randrange(0, 12_000) / 1000
        notes.append([onset, onset + rng.choice([0.05, 0.2, 0.7, 3.0]), rng.randrange(21, 109), rng.randrange(1, 128)])
    notes.sort(key=lambda n: (n[0], n[2]))
    windows = []
    for k in range(9):
        start, end = float(k), k + 4.0
        windows.append([i for i, n in enumerate(notes) if n[0] < end and n[1] > start])
    return {"notes": notes, "windows": windows}


def midi(rng):
    file = mido.MidiFile(type=1, ticks_per_beat=384)
    tempo = mido.MidiTrack()
    for _ in range(12):
        tempo.append(mido.MetaMessage("set_tempo", tempo=rng.randrange(200_000, 1_200_000), time=rng.randrange(0, 900)))
    file.tracks.append(tempo)
    for channel in (0, 1):
        track, down = mido.MidiTrack(), []
        for _ in range(60):
            time = rng.randrange(0, 300)
            if down and rng.random() < 0.5:
                pitch = down.pop(rng.randrange(len(down)))
                kind = rng.choice(["note_off", "note_on"])
                velocity = 0 if kind == "note_on" else 64
                track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=time))
            else:
                # Few pitches, so that notes of one pitch overlap.
                pitch = rng.randrange(60, 66)
                down.append(pitch)
                velocity = rng.randrange(1, 128)
                track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=time))
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def notes_of(data):
    now, notes, down = 0.0, [], {}
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if message.type not in ("note_on", "note_off"):
            continue
        queue = down.setdefault((message.channel, message.note), [])
        if message.type == "note_on" and message.velocity > 0:
            notes.append([now, None, message.note, message.velocity])
            queue.append(notes[-1])
        elif queue:
            queue.pop(0)[1] = now
    for note in notes:
        note[1] = now if note[1] is None else note[1]
    return sorted(notes, key=lambda n: (n[0], n[2]))


def main():
    rng = random.Random(604_10283)
    data = midi(rng)
    golden = {
        "buckets": buckets(rng),
        "selection": selection(rng),
        "midi": {"hex": data.hex(), "notes": notes_of(data)},
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
