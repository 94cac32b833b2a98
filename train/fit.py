"""Train an AttributeNet on prepared crops. An epoch depends only on its seed and the state before it, so a run that was
interrupted and resumed ends with the same weights as one that was not."""

import math
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from tqdm import tqdm

from agr.config import CONFIG_FILE, HEADS, WEIGHTS_FILE, read_config
from agr.evaluation.report import HISTORY_FILE
from agr.labels import GENDERS, RACES
from agr.memory import keep_freed_memory
from agr.pictures import DataError

from .augment import mix, move, vary
from .config import FitConfig
from .files import alone_in, content_hash_of, write_atomically
from .finish import finish
from .init import hash_of_init, load_init, model_config
from .losses import attribute_losses, hard_targets, mixed_targets
from .model import AttributeNet, to_input
from .optimization import ema_decay, learning_rate, parameter_groups, update_ema
from .precision import keep_strided_depthwise_in_float32, use_bf16
from .prepare import Prepared, load_prepared
from .provenance import expect_fair
from .record import claim, read_run, record_of, taught_by, write_record
from .relabel import read_relabel, relabelled
from .run_folder import BEST_FOLDER, CHECKPOINT_FILE, trained
from .soft import load_soft
from .teach import Teachers
from .utkface import read_split
from .validation import read_all, rows_of, valid_figures

_DIVERGED = "{} became NaN or infinite. Take a lower --lr, and another --output."


def fit(
    config: FitConfig,
    *,
    data: Path,
    split: Path,
    output: Path,
    relabel: Path | None = None,
    soft_labels: Path | None = None,
    teachers: Sequence[Path] = (),
    resume: bool = False,
) -> Path:
    """Train on the split's train part, keep the epoch that is best on its valid part, and balance and calibrate it
    there.

    `relabel`: corrections of labels in the train part; the valid part keeps its labels, so that runs are comparable.
    `soft_labels`: other models' predictions for the training faces; `teachers`: folders of models that predict each
    crop before it is varied. One of the two, not both, is mixed into the labels with the weight `config.soft_weight`.

    Writes config.json, model.safetensors, history.csv, checkpoint.pt and what is needed to repeat the run into
    `output`, and returns it. Raises DataError if the data, the split or an earlier run in `output` does not fit.
    """
    _check_who_teaches(config, soft_labels, teachers)
    accelerator = _accelerator(config)
    prepared = load_prepared(data)
    parts = read_split(split)
    train, valid = (rows_of(prepared, parts, subset) for subset in ("train", "valid"))
    _check_batches(config, len(train), accelerator.num_processes)
    init = Path(config.init)
    learnt_from = [*teachers, *([init.parent] if init.is_file() else [])]
    for sentence in [*told(train, valid), *expect_fair(learnt_from, parts, valid.index)]:
        if accelerator.is_main_process:
            tqdm.write(sentence, file=sys.stderr)
    soft = load_soft(soft_labels, train.index, unseen=parts.index[parts != "train"]) if soft_labels else {}
    asked = Teachers(teachers, accelerator.device) if teachers else None
    record = record_of(config, prepared, split, init_hash=hash_of_init(config.init)) | {
        "relabel_hash": content_hash_of(relabel) if relabel else None,
        "soft_labels_hash": content_hash_of(soft_labels) if soft_labels else None,
        **_facts_of_teachers(teachers),
        "processes": accelerator.num_processes,
        "computed_in": accelerator.mixed_precision,  # what "auto" means depends on the machine
    }
    if relabel:
        train, changed = relabelled(train, read_relabel(relabel))
        record["relabelled"] = changed
        if accelerator.is_main_process:
            tqdm.write(f"{changed} labels of the train part are corrected as {relabel} says.")
    run = _Run(config, accelerator, prepared, train, valid, soft, asked, output)
    if accelerator.is_main_process:  # only now that everything the run needs is known to exist
        claim(output, record, split, resume=resume, learnt_from=learnt_from)
    accelerator.wait_for_everyone()
    with alone_in(output) if accelerator.is_main_process else nullcontext():
        if resume:
            run.restore()
        run.train()
        if accelerator.is_main_process:
            best = AttributeNet.load(output / BEST_FOLDER).to(accelerator.device)
            balance = finish(best, prepared, valid, output)
            write_record(output, record | {"balance": balance})
        accelerator.wait_for_everyone()
    return output


def told(train: pd.DataFrame, valid: pd.DataFrame) -> list[str]:
    """Sentences on the faces: how many there are, classes without any, and copies of those by which epochs are
    chosen."""
    said = [f"{len(train):,} faces to train on, {len(valid):,} to choose the best epoch by."]
    for task, names in (("gender", GENDERS), ("race", RACES)):
        absent = [name for i, name in enumerate(names) if not (train[task] == i).any()]
        if absent:
            said.append(f"None of the faces to train on is labelled {', '.join(absent)}, which will never be answered.")
    if copies := valid["content"].isin(train["content"]).sum():
        said.append(f"Of the latter, {copies:,} are byte for byte among the former, which makes the figures too good.")
    return said


def _check_who_teaches(config: FitConfig, soft_labels: Path | None, teachers: Sequence[Path]) -> None:
    if soft_labels and teachers:
        raise DataError("Labels are softened by a file or by teachers: pass --soft-labels or --teacher, not both.")
    if config.soft_weight != FitConfig.soft_weight and not (soft_labels or teachers):
        raise DataError("--soft-weight needs --teacher or --soft-labels.")
    if config.mixup and not teachers:
        raise DataError("--mixup needs at least one --teacher: blended faces have no labels of their own.")


def _facts_of_teachers(teachers: Sequence[Path]) -> dict:
    """What `fit.json` records about the teachers."""
    return {
        "teachers_hash": [content_hash_of(trained(folder) / WEIGHTS_FILE) for folder in teachers],
        "teacher_backbones": [read_config(trained(folder) / CONFIG_FILE).backbone for folder in teachers],
        "teachers_taught_by": sorted(set().union(*(taught_by(read_run(folder)) for folder in teachers))),
    }


def _accelerator(config: FitConfig) -> Accelerator:
    AcceleratorState._reset_state()  # left by an earlier run in the same process, perhaps in another precision
    # Not on Apple's GPUs, which lack double precision and some operations of the augmentation.
    mixed = "bf16" if use_bf16(config.precision) else "no"
    accelerator = Accelerator(mixed_precision=mixed, cpu=torch.backends.mps.is_available())
    if accelerator.device.type == "cpu":
        keep_freed_memory(None)
    return accelerator


def _check_batches(config: FitConfig, faces: int, processes: int) -> None:
    if config.batch_size % processes:
        raise DataError(f"The batch size {config.batch_size} cannot be shared evenly by {processes} processes.")
    if faces < config.batch_size:
        raise DataError(
            f"The train part has {faces} faces, less than one batch of {config.batch_size}. Take smaller batches."
        )


class _Run:
    """The state of a training run and the steps that advance it."""

    def __init__(
        self,
        config: FitConfig,
        accelerator: Accelerator,
        prepared: Prepared,
        train: pd.DataFrame,
        valid: pd.DataFrame,
        soft: dict[str, np.ndarray],
        teachers: Teachers | None,
        output: Path,
    ) -> None:
        self.soft, self.teachers = soft, teachers
        self.config, self.accelerator, self.output = config, accelerator, output
        self.crops, self.train_rows, self.valid_rows = prepared.crops, train, valid
        torch.manual_seed(config.seed)
        source = prepared.source
        net = AttributeNet(model_config(config.backbone, config.init, source["input_size"], source["template"]))
        load_init(net, config.init)
        # Channels last is the faster layout for depthwise convolutions on CPUs and for tensor cores.
        net = _channels_last(net.to(accelerator.device))
        if accelerator.device.type == "cpu":
            keep_strided_depthwise_in_float32(net)
        self.ema = _channels_last(AttributeNet(net.config).to(accelerator.device))
        self.ema.load_state_dict(net.state_dict())
        optimizer = torch.optim.AdamW(parameter_groups(net, config.weight_decay), lr=config.lr)
        self.net, self.optimizer = accelerator.prepare(net, optimizer)
        self.epoch = 0
        self.best_score = -math.inf
        self.history: list[dict] = []

    @property
    def steps(self) -> int:
        """Steps per epoch; the last, incomplete batch of a shuffled epoch is dropped."""
        return len(self.train_rows) // self.config.batch_size

    def train(self) -> None:
        with tqdm(
            total=self.config.epochs * self.steps,
            initial=self.epoch * self.steps,
            unit="step",
            smoothing=0.02,
            disable=not self.accelerator.is_local_main_process,
        ) as bar:
            while self.epoch < self.config.epochs:
                started = time.perf_counter()
                losses = self._train_epoch(bar)
                if self.accelerator.is_main_process:
                    self._finish_epoch(losses, started, bar)
                self.epoch += 1
                if self.accelerator.is_main_process:
                    self._save_checkpoint()
                self.accelerator.wait_for_everyone()

    def restore(self) -> None:
        """Go on from the checkpoint, or, if the run was interrupted in its first epoch, from the beginning. Raises
        DataError if the checkpoint is damaged, or only some of the processes see it."""
        path = self.output / CHECKPOINT_FILE
        if path.exists():
            self._load(path)
        epochs = self.accelerator.gather(torch.tensor([self.epoch], device=self.accelerator.device))
        if (epochs != self.epoch).any():
            raise DataError(f"Not all processes see {path}. Expected an --output that all machines share.")

    def _load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # which error torch raises depends on the damage
            raise DataError(f"{path} is damaged ({str(error)[:200]}). Start anew in another --output.") from error
        self.accelerator.unwrap_model(self.net).load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.best_score, self.history = state["epoch"], state["best_score"], state["history"]

    def _train_epoch(self, bar: tqdm) -> dict[str, float]:
        self.net.train()
        config, rank, world = self.config, self.accelerator.process_index, self.accelerator.num_processes
        order = np.random.default_rng([config.seed, self.epoch]).permutation(len(self.train_rows))
        torch.manual_seed(_seed_of(config.seed, self.epoch, rank))  # dropout
        generator = torch.Generator().manual_seed(_seed_of(config.seed, self.epoch, rank) + 1)
        sums: dict[str, torch.Tensor] = {}
        for step in range(self.steps):
            mine = order[step * config.batch_size : (step + 1) * config.batch_size][rank::world]
            parts = self._step(self.epoch * self.steps + step, np.sort(mine), generator)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            if step % 10 == 0 or step == self.steps - 1:  # reading the loss makes a GPU wait
                loss = sum(value.item() for value in sums.values()) / (step + 1)
                if not math.isfinite(loss):
                    raise DataError(_DIVERGED.format(f"The loss in epoch {self.epoch + 1}"))
                bar.set_description(f"epoch {self.epoch + 1}/{config.epochs} loss {loss:.3f}", refresh=False)
            bar.update()
        return {name: value.item() / self.steps for name, value in sums.items()}

    def _step(self, step: int, places: np.ndarray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rows, device = self.train_rows.iloc[places], self.accelerator.device
        plain = move(to_input(self.crops[rows["row"].to_numpy()], device), generator)
        weight = torch.full((len(rows),), self.config.soft_weight, device=device)
        if self.config.mixup:
            plain, mixed = mix(plain, generator, share=self.config.mixup)
            weight[mixed] = 1.0
        crops = vary(plain, generator)
        targets = hard_targets(**{name: torch.tensor(rows[name].to_numpy(), device=device) for name in HEADS})
        if soft := self._soft_targets(places, plain):
            targets = mixed_targets(targets, soft, weight)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.steps, self.config)
        logits = self.net(crops.contiguous(memory_format=torch.channels_last))
        parts = attribute_losses(logits, targets)
        self.accelerator.backward(torch.stack(list(parts.values())).sum())
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.accelerator.is_main_process:
            update_ema(self.ema, self.accelerator.unwrap_model(self.net), ema_decay(step, self.config.ema_decay))
        return {name: part.detach().double() for name, part in parts.items()}

    def _soft_targets(self, places: np.ndarray, crops: torch.Tensor) -> dict[str, torch.Tensor]:
        """The teachers' predictions on `crops` or, without teachers, the soft labels of the faces at `places`; empty
        without either."""
        if self.teachers is None:
            return {task: torch.from_numpy(probs[places]).to(crops.device) for task, probs in self.soft.items()}
        with self.accelerator.autocast():
            return self.teachers(crops)

    def _finish_epoch(self, losses: dict[str, float], started: float, bar: tqdm) -> None:
        figures = valid_figures(read_all(self.ema, self.crops, self.valid_rows), self.valid_rows)
        row = {"epoch": self.epoch + 1, "lr": learning_rate((self.epoch + 1) * self.steps - 1, self.steps, self.config)}
        row |= {f"train_{name}": value for name, value in losses.items()} | {
            f"valid_{name}": value for name, value in figures.items()
        }
        row["seconds"] = round(time.perf_counter() - started, 1)
        self.history.append(row)
        bar.write("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
        if not math.isfinite(figures["score"]):
            raise DataError(_DIVERGED.format(f"The figures of epoch {self.epoch + 1}"))
        if figures["score"] > self.best_score:
            self.best_score = figures["score"]
            self.ema.save(self.output / BEST_FOLDER)

    def _save_checkpoint(self) -> None:
        write_atomically(self.output / HISTORY_FILE, lambda path: pd.DataFrame(self.history).to_csv(path, index=False))
        state = {
            "net": self.accelerator.unwrap_model(self.net).state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "best_score": self.best_score,
            "history": self.history,
        }
        write_atomically(self.output / CHECKPOINT_FILE, lambda path: torch.save(state, path))


def _channels_last(net: AttributeNet) -> AttributeNet:
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave this form out


def _seed_of(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
