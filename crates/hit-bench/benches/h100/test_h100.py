"""Tests of the scripts in this folder, without a GPU: `python3 -m unittest discover -s crates/hit-bench/benches/h100`.

Those of the PyTorch side need PyTorch and are named as skipped without it. They take about half a minute.
"""

import contextlib
import copy
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path.insert(0, str(HERE))

import profiles
import table

try:
    import torch

    import ceilings
    import peer
    import peer_model
except ImportError:
    torch = None

PIPELINE = (ROOT / "pipeline.toml").read_text(encoding="utf-8")
needs_torch = unittest.skipIf(torch is None, "PyTorch is not installed")


def sizes(profile, *arms):
    return profiles.spec(tomllib.loads(PIPELINE), profile, arms)


class Profiles(unittest.TestCase):
    def test_variants_change_batch_and_frozen_parts_alone(self):
        text = profiles.variants(PIPELINE, "reference", [16, 32])
        self.assertTrue(text.startswith(PIPELINE.rstrip()))
        made = tomllib.loads(text)
        before = profiles.resolved(made, "reference")
        for batch in (16, 32):
            for kind in ("frozen", "trained"):
                after = profiles.resolved(made, f"bench-{batch}-{kind}")
                self.assertEqual(after["train"]["batch_size"], batch)
                self.assertEqual(after["train"]["frozen"], profiles.FROZEN if kind == "frozen" else [])
                groups = after["train"].pop("groups")
                self.assertEqual({key: groups[key] for key in before["train"]["groups"]}, before["train"]["groups"])
                self.assertEqual((groups["audio.cnn"], groups["audio.positions"]), (5e-6, 5e-6))
                for key in ("model", "families", "corpus", "campaign"):
                    self.assertEqual(after[key], before[key])

    def test_groups_are_replaced_as_a_whole_and_tables_merged(self):
        smoke = profiles.resolved(tomllib.loads(PIPELINE), "smoke")
        self.assertNotIn("audio.layers.0", smoke["train"]["groups"])
        self.assertEqual(smoke["train"]["optimizer"]["beta2"], 0.999)
        self.assertEqual(smoke["families"]["inject"]["padding"], "masked")
        groups = smoke["train"]["groups"]
        self.assertEqual(profiles.complete(groups), groups, "`audio` covers the CNN")

    def test_sizes_are_those_of_the_profile(self):
        arm = sizes("reference", "a4r")["arms"][0]
        self.assertEqual((arm["n_samples"], arm["n_frames"], arm["batch"]), (96_000, {"a4": 188}, 16))
        self.assertEqual(arm["options"]["max_frames"], 200)

    def test_unknown_names_are_refused(self):
        for call in (lambda: sizes("reference", "a5"), lambda: sizes("refrence", "D0")):
            with self.assertRaises(SystemExit) as refused:
                call()
            self.assertIn("no ", str(refused.exception))


def measured(side, step, **other):
    """A row as either side prints it."""
    arm = {"arm": "D0", "batch": 16, "step_ms": {"median": step, "min": step - 1, "p90": step, "n": 9},
           "windows_per_s": 16e3 / step, "first_step_s": 2.5, "parts_ms": dict.fromkeys(table.PARTS, step / 4),
           "embed_windows_per_s": 100.0, "peak_memory_bytes": 2_000_000_000, "model": {"bulk": 1}, **other}
    machine = {"cpu": "CPU", "cores": 2, "gpus": [], "system": "linux"}
    about = {"schema": 1, "precision": "f32", "threads": 2, "hardware": machine, "arms": [arm], "forecast": {}}
    ours = {"hitrepro": "1", "backend": "flex", "rust": "rustc"}
    return {**about, **(ours if side == "ours" else {"side": side, "version": "2"})}


class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.put("run.about", json.dumps({"profile": "smoke", "device": "cpu", "first_batch": 16}))
        self.put("source.about", json.dumps({"commit": "0123456789abcdef", "changed": False}))

    def put(self, name, text):
        (self.folder / name).write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")

    def made(self):
        return table.page([table.merge(self.folder)])

    def test_numbers_have_the_digits_that_count(self):
        texts = {None: "-", 0: "0", 1234.5: "1,234", 12.345: "12.3", 0.012345: "0.0123", -2.0: "-2.00"}
        for value, text in texts.items():
            self.assertEqual(table.number(value), text)

    def test_names_are_taken_apart(self):
        self.assertEqual(table.name_parts("ours-d4-a4r-32-trained-2"), ("ours", "d4-a4r", 32, "trained", None, None, 2))
        name = "pytorch-D0-16-frozen-compile-bf16-1"
        self.assertEqual(table.name_parts(name), ("pytorch", "D0", 16, "frozen", "compile", "bf16", 1))
        for other in ("ceilings-D0-16-frozen-f32", "repeat-D0-1", "ours-D0-16-cold-1", "results"):
            self.assertIsNone(table.name_parts(other))

    def test_ratios_are_of_the_same_round(self):
        # The machine is twice as slow in round 2: the ratio does not show it.
        for turn, ours, theirs in ((1, 10.0, 20.0), (2, 20.0, 40.0), (3, 10.0, 30.0)):
            self.put(f"ours-D0-16-frozen-{turn}.json", measured("ours", ours))
            self.put(f"pytorch-D0-16-frozen-eager-f32-{turn}.json", measured("pytorch", theirs))
        line = next(line for line in self.made().splitlines() if "f32, eager" in line)
        self.assertTrue(line.endswith("| 2.00x |"), line)
        self.assertIn("| 30.0 (19.0) |", line)

    def test_what_is_missing_is_said(self):
        self.put("ours-D0-16-frozen-1.json", measured("ours", 10.0))
        self.put("pytorch-D0-16-frozen-eager-f32-1.failed", "status 1: no such thing\n")
        made = self.made()
        lines = {line for line in made.splitlines() if "not measured" in line}
        self.assertTrue(any("eager" in line and "(status 1: no such thing)" in line for line in lines))
        self.assertTrue(any("torch.compile" in line for line in lines))
        self.assertIn("- D0: not measured", made)
        self.assertIn("- Source: 0123456789ab; profile `smoke`", made)

    def test_hashes_are_compared(self):
        for turn, digest in ((1, "a" * 64), (2, "a" * 64)):
            self.put(f"repeat-D0-{turn}.json", measured("ours", 1.0, hash=digest, hash_after=200))
        self.put("ours-D0-16-frozen-1.json", measured("ours", 10.0))
        self.assertIn("the same SHA-256 of all weights after 200 steps", self.made())
        self.put("repeat-D0-2.json", measured("ours", 1.0, hash="b" * 64, hash_after=200))
        self.assertIn("**different weights**", self.made())

    def test_merging_drops_bulk_and_is_the_same_twice(self):
        self.put("ours-D0-16-frozen-1.json", measured("ours", 10.0))
        self.put("ours-D0-16-frozen-1.failed", "an earlier try")
        merged = table.merge(self.folder)
        text = table.written(merged)
        self.assertEqual(text, table.written(table.merge(self.folder)))
        self.assertEqual(json.loads(text), merged)
        self.assertNotIn("bulk", text)
        self.assertEqual(merged["failed"], {})

    def test_pages_are_filled_between_their_markers(self):
        self.put("ours-D0-16-frozen-1.json", measured("ours", 10.0))
        values = [table.merge(self.folder)]
        empty = "<!-- bench cuda -->\n<!-- end bench cuda -->\n"
        page = f"before\n<!-- bench cpu -->\nold\n<!-- end bench cpu -->\nmiddle\n{empty}after\n"
        made = table.filled(page, values)
        self.assertEqual(made, table.filled(made, values))
        self.assertNotIn("old", made)
        self.assertTrue(made.startswith("before\n") and made.endswith("after\n"))
        self.assertIn("**Not measured.**", made.split("<!-- bench cuda -->")[1])
        for wrong in ("", page.replace("<!-- end bench cpu -->", ""), page + "<!-- bench cpu -->\n"):
            with self.assertRaises(SystemExit):
                table.filled(wrong, values)

    def test_the_page_says_what_the_committed_results_give(self):
        results = sorted(map(str, (ROOT / "docs/performance").glob("*.json")))
        self.assertTrue(results)
        self.assertEqual(table.main(["--check", str(ROOT / "docs/performance.md"), *results]), 0)


@needs_torch
class Peer(unittest.TestCase):
    def tearDown(self):
        torch.set_default_dtype(torch.float32)

    def test_agreement_with_parity(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(peer.check(""), 0, out.getvalue())
        for arm in ("D0", "d4a4", "a4r", "d4-a4r", "D4x"):
            self.assertIn(f"\n{arm} ", "\n" + out.getvalue())

    def test_another_model_does_not_agree(self):
        feed = peer_model.Layer.feed
        tanh = lambda self, x: self.linear2(torch.nn.functional.gelu(self.linear1(x), approximate="tanh"))
        try:
            peer_model.Layer.feed = tanh
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(peer.check(""), 1)
        finally:
            peer_model.Layer.feed = feed

    def test_published_sizes(self):
        for arm in sizes("reference", "D0", "d4a4", "a4r", "d4-a4r")["arms"]:
            with torch.device("meta"):
                model = peer_model.Model(arm["model"], arm["injections"], arm["options"])
            n = sum(p.numel() for p in model.parameters())
            frozen = [p for name, p in model.named_parameters() if any(peer.below(name, f) for f in arm["frozen"])]
            published = {"D0": 74_194_432, "d4a4": 75_520_000, "a4r": 78_608_896, "d4-a4r": 78_874_624}
            self.assertEqual((n, sum(p.numel() for p in frozen)), (published[arm["arm"]], 9_302_528), arm["arm"])

    def small(self, name):
        args = peer.arguments(["--spec", "x", "--batch", "4"])
        return peer.adjusted(copy.deepcopy(sizes("smoke", name)["arms"][0]), args)

    def test_a_step_trains_and_leaves_what_is_frozen(self):
        for name in ("D0", "d4a4", "a4r"):
            arm = self.small(name)
            trainer = peer.Trainer(arm, "cpu", "eager", "f32")
            before = {key: p.detach().clone() for key, p in trainer.model.named_parameters()}
            data = peer.batches(arm)
            values = [trainer.step(data[i % 4], 1.0) for i in range(8)]
            self.assertTrue(all(len(v) == 5 and all(x == x for x in v) for v in values))
            for key, p in trainer.model.named_parameters():
                still = any(peer.below(key, prefix) for prefix in arm["frozen"])
                self.assertEqual(torch.equal(p, before[key]), still, key)

    def test_dropout_acts_in_training_alone(self):
        arm = self.small("a4r")
        model, batch = peer.Trainer(arm, "cpu", "eager", "f32").model, peer.batches(arm)[0]
        with torch.no_grad():
            self.assertFalse(torch.equal(model(batch)[0], model(batch)[0]))
            model.eval()
            self.assertTrue(torch.equal(model(batch)[0], model(batch)[0]))

    def test_batches_are_padded_as_ours(self):
        arm = {**self.small("d4a4"), "padded_notes": [96, 88, 96, 80]}
        shapes = lambda **how: [tuple(batch["d4"].shape) for batch in peer.batches(arm, **how)]
        self.assertEqual(shapes(), [(4, n, 4) for n in (96, 88, 96, 80)])
        self.assertEqual(shapes(one_shape=True), [(4, 96, 4)] * 4)
        for batch in peer.batches(arm):
            lengths = batch["valid"].sum(1)
            self.assertTrue(bool((lengths >= 32).all()) and int(lengths[0]) == batch["valid"].shape[1])
            self.assertFalse(bool(batch["d4"][~batch["valid"]].any()))

    def test_rates_are_those_of_the_longest_prefix(self):
        groups = {"audio": 1.0, "audio.layers.0": 2.0, "heads": 3.0}
        found = peer_model.rates(["audio.layers.0.norm1.bias", "audio.layers.01.x", "heads.a", "inject.b"], groups)
        self.assertEqual(list(found.values()), [2.0, 1.0, 3.0, 1.0])

    def test_arms_that_are_not_written_are_named(self):
        for name in ("t3-wt", "film-a4", "d4a4cm"):
            self.assertIn("not written here", peer.unsupported(sizes("smoke", name)["arms"][0]))
        self.assertIsNone(peer.unsupported(sizes("smoke", "d4a4r")["arms"][0]))

    def test_files_that_are_none_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.json"
            lacking = {"schema": 1, "arms": [{"arm": "D0"}]}
            for text in (None, "", "{}", '{"schema": 2}', json.dumps(lacking), json.dumps(sizes("smoke", "D0"))):
                if text is not None:
                    path.write_text(text)
                with self.assertRaises(SystemExit) as refused:
                    peer.read_spec(path, ["a4r"])
                self.assertTrue(str(refused.exception).startswith(str(path)))

    def test_another_model_than_ours_is_no_peer(self):
        arm = {**self.small("D0"), "n_parameters": 1}
        args = peer.arguments(["--spec", "ours.json", "--device", "cpu", "--steps", "1", "--seconds", "0"])
        with self.assertRaises(SystemExit) as refused:
            peer.measure(arm, args)
        self.assertIn("not the same model", str(refused.exception))


@needs_torch
class Ceilings(unittest.TestCase):
    def test_shapes_of_the_published_models(self):
        by_arm = {arm["arm"]: arm for arm in sizes("reference", "D0", "d4a4", "a4r")["arms"]}
        products, attentions = ceilings.shapes(by_arm["D0"])
        rows = {p["what"]: p for p in products}
        self.assertEqual(rows["audio feed-forward in"]["rows"], 16 * 2400)
        self.assertEqual((rows["convolution 0"]["rows"], rows["convolution 0"]["gradients"]), (16 * 19_199, 0))
        self.assertEqual(attentions[0]["shape"], [16, 8, 2400, 2400, 128])
        reverse = {a["what"]: a["shape"] for a in ceilings.shapes(by_arm["a4r"])[1]}
        self.assertEqual(reverse["audio a4"], [16, 8, 188, 2400, 128])
        self.assertEqual(reverse["audio layers"], [16, 8, 188, 188, 128])
        for arm in by_arm.values():
            twice = {**arm, "batch": 32}
            self.assertEqual(2 * ceilings.flops(*ceilings.shapes(arm)), ceilings.flops(*ceilings.shapes(twice)))
        trained = {p["what"]: p["gradients"] for p in ceilings.shapes({**by_arm["d4a4"], "frozen": []})[0]}
        self.assertEqual([trained[f"convolution {i}"] for i in range(4)], [1, 2, 2, 2])
        self.assertEqual(trained["audio a4 concat"], 2)

    def test_floors_take_the_fastest_attention_that_was_trained_with(self):
        products = [{"ms": {"forward": 1.0, "weight_gradient": 2.0}, "count": 4}]
        kept = {"what": "a", "trained_with": 0.1, "count": 4}
        one = lambda kernel, dropout, ms: {**kept, "kernel": kernel, "dropout": dropout, "ms": {"both": ms}}
        attentions = [one("cudnn", 0.0, 0.5), one("cudnn", 0.1, 3.0), one("flash", 0.1, 2.0)]
        self.assertEqual(ceilings.floor(products, attentions), {"products": 12.0, "attention": 8.0})
        self.assertIsNone(ceilings.floor(products, attentions[:1])["attention"])


@needs_torch
class Run(unittest.TestCase):
    def sh(self, *words):
        return subprocess.run(["sh", str(HERE / "run.sh"), *words], capture_output=True, text=True, check=False)

    def test_without_time_everything_is_named_as_not_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ["--here", "--device", "cpu", "--binary", "none", "--budget", "0"]
            done = self.sh(*words, "--python", sys.executable, "--out", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("not measured (no time was left)", done.stdout)
            results = table.read(pathlib.Path(folder) / "results.json")
            self.assertEqual(results["rows"], {})
            self.assertIn("pytorch-D0-16-frozen-compile-f32-1", results["failed"])

    def test_wrong_lines_are_refused(self):
        lines = "", "--here --device tpu", "--there", "--here --out", "--here --device cpu --binary /nowhere/x"
        for words in map(str.split, lines):
            with tempfile.TemporaryDirectory() as folder:
                extra = ["--python", sys.executable, "--out", folder] if "--binary" in words else []
                done = self.sh(*words, *extra)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("run.sh: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
