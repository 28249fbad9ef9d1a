# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Workers, passes, precision and logging: none of them changes what is learnt."""

import pytest
import torch

from bharnet_train import loading, training
from bharnet_train.config import InvalidConfig, Optimiser, read_config
from bharnet_train.datasets.select import load_split
from bharnet_train.loading import choose_workers, make_loader, part_of_batch
from bharnet_train.sampling import BalancedOrder, Shard, Windows
from bharnet_train.training import train

CPU = torch.device("cpu")


def run(takes, folder, *overrides, **options):
    """Train for 12 steps in two epochs; weights and the checkpoint of the last epoch."""
    chosen = ["optimiser.epochs=2", "optimiser.batch=4", *overrides]
    values = read_config(takes / "tiny.yaml", chosen)
    options = {"accelerator": "cpu", "progress": False, **options}
    network = train(values, load_split(values, takes), folder, **options)
    return network.state_dict(), torch.load(folder / "last.ckpt", weights_only=False)


@pytest.fixture(scope="module")
def plain(takes, tmp_path_factory):
    return run(takes, tmp_path_factory.mktemp("plain"), workers=0)


def assert_same(weights, others):
    for name, tensor in weights.items():
        torch.testing.assert_close(others[name], tensor, rtol=0, atol=0)


def test_workers_change_nothing(takes, tmp_path, plain):
    assert_same(plain[0], run(takes, tmp_path, workers=2)[0])


def test_logging_changes_nothing_and_logs_everything(takes, tmp_path, plain):
    pytest.importorskip("tensorboard", reason="TensorBoard is optional")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    weights, _ = run(takes, tmp_path / "run", log_dir=tmp_path / "logs")
    assert_same(plain[0], weights)
    events = EventAccumulator(str(tmp_path / "logs" / "tiny")).Reload()
    wanted = {"loss", "accuracy", "val_accuracy", "lr-AdamW", "samples_per_second"}
    assert wanted <= set(events.Tags()["scalars"])
    assert [each.step for each in events.Scalars("val_accuracy")] == [5, 11]
    assert all(each.value > 0 for each in events.Scalars("samples_per_second"))


def test_logging_without_tensorboard_says_what_to_install(takes, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match="pip install tensorboard"):
        run(takes, tmp_path, log_dir=tmp_path)


def test_passes_change_neither_steps_nor_rate_nor_running_mean(takes, tmp_path, plain):
    weights, kept = run(takes, tmp_path, "optimiser.accumulate=2")
    assert kept["global_step"] == plain[1]["global_step"] == 12
    for each in (kept, plain[1]):
        assert each["lr_schedulers"][0]["total_steps"] == 12
        assert each["averaging_state"]["n_averaged"] == plain[1]["averaging_state"]["n_averaged"]
    assert kept["lr_schedulers"][0]["_last_lr"] == plain[1]["lr_schedulers"][0]["_last_lr"]
    assert any(not torch.equal(weights[name], plain[0][name]) for name in weights)


def test_mixed_precision_is_for_the_network_alone(takes, tmp_path, monkeypatch, plain):
    inside = []
    make_streams, loss = training.make_streams, training.ensemble_loss

    def note_streams(*arguments):
        inside.append(torch.is_autocast_enabled("cpu"))
        return make_streams(*arguments)

    def note_loss(scores, *others):
        assert torch.is_autocast_enabled("cpu")
        assert scores.summed.dtype == torch.float32
        return loss(scores, *others)

    monkeypatch.setattr(training, "make_streams", note_streams)
    monkeypatch.setattr(training, "ensemble_loss", note_loss)
    weights, _ = run(takes, tmp_path, precision="bf16-mixed")
    assert inside
    assert not any(inside)
    assert all(torch.isfinite(each).all() for each in weights.values())
    assert any(not torch.equal(weights[name], plain[0][name]) for name in weights)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"precision": "16-mixed"}, "needs a GPU"),
        ({"precision": "half"}, "half"),
        ({"precision": "bf16-true"}, "is none of 32-true, 16-mixed, bf16-mixed"),
        ({"accelerator": "abacus"}, "abacus"),
    ],
)
def test_flags_that_do_not_fit_the_machine_say_why(takes, tmp_path, options, match):
    with pytest.raises(InvalidConfig, match=match):
        run(takes, tmp_path, **options)


def test_a_batch_is_shared_equally_or_refused():
    assert part_of_batch(Optimiser(batch=48), 1000, 1) == 48
    assert part_of_batch(Optimiser(batch=48, accumulate=3), 1000, 4) == 4
    assert part_of_batch(Optimiser(batch=48), 30, 4) == 7  # fewer sequences than a batch
    with pytest.raises(InvalidConfig, match="multiple of 5"):
        part_of_batch(Optimiser(batch=48), 1000, 5)
    with pytest.raises(InvalidConfig, match="too few"):
        part_of_batch(Optimiser(batch=48), 3, 4)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_processes_share_every_batch_of_one_process(world):
    targets, batch = [0] * 40 + [1] * 11, 12
    whole = list(BalancedOrder(targets, 1.0, 7, batch))
    assert len(whole) == 48
    parts = [list(BalancedOrder(targets, 1.0, 7, batch, rank, world)) for rank in range(world)]
    part = batch // world
    for i in range(len(whole) // batch):
        drawn = [each for mine in parts for each in mine[i * part : (i + 1) * part]]
        assert sorted(drawn) == sorted(whole[i * batch : (i + 1) * batch])


@pytest.mark.parametrize("world", [2, 3, 5, 50])
def test_shards_hold_every_item_once_and_are_equally_long(takes, world):
    values = read_config(takes / "tiny.yaml")
    split = load_split(values, takes)
    windows = Windows(split.train, split.classes, values.features)
    shards = [Shard(windows, rank, world) for rank in range(world)]
    assert len({len(each) for each in shards}) == 1
    items = [each[i] for i in range(len(shards[0])) for each in shards]
    real = [(position, target) for position, _, target in items if target >= 0]
    assert [target for _, target in real] == windows.targets
    for i, (position, _) in enumerate(real):
        torch.testing.assert_close(position, windows[i][0], rtol=0, atol=0)


def test_workers_are_chosen_by_cores_and_device(monkeypatch):
    def choose(cores, device, processes):
        monkeypatch.setattr(loading.os, "sched_getaffinity", lambda _: set(range(cores)))
        return choose_workers(torch.device(device), processes)

    assert choose(2, "cpu", 1) == 0
    assert choose(16, "cpu", 1) == 4
    assert choose(16, "cpu", 8) == 0
    assert choose(2, "cuda", 1) == choose(2, "cuda", 2) == 1
    assert choose(64, "cuda", 4) == 8


def test_workers_stay_and_read_ahead(takes):
    values = read_config(takes / "tiny.yaml")
    split = load_split(values, takes)
    windows = Windows(split.train, split.classes, values.features)
    loader = make_loader(windows, 4, CPU, 2)
    assert loader.persistent_workers
    assert loader.prefetch_factor == loading.BATCHES_AHEAD
    assert not loader.pin_memory
