"""What `reportnlp images` does before any network: manifests, their check, and labels out of reports."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reportnlp import terminal
from reportnlp.cli.image_models import tell, tell_bad
from reportnlp.cli.options import LARGEST_SEED, Overwrite

commands = typer.Typer(rich_markup_mode=None)

Manifest = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="A row an image (.csv): study, image, ...")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read images; 0: this one does.")]


class Policy(StrEnum):
    """What is made of `uncertain`."""

    SOFT = "soft"
    ZEROS = "zeros"
    ONES = "ones"
    IGNORE = "ignore"
    SELF_TRAIN = "self-train"
    MULTI_CLASS = "multi-class"


class Silence(StrEnum):
    """What is made of `not_mentioned`."""

    ABSENT = "absent"
    MASK = "mask"


class Several(StrEnum):
    """What is made of several images of a study."""

    ALL = "all"
    SHARE = "share"
    FIRST = "first"


@commands.command(epilog="Example: reportnlp images manifest pictures -o pictures.csv")
def manifest(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Images, at any depth; or one file, as .npz.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write (.csv).")],
    pattern: Annotated[
        str,
        typer.Option(help="Regular expression over paths, as 'p(?P<patient>\\d+)/(?P<study>\\w+)/'."),
    ] = "",
    salt: Annotated[
        str, typer.Option(envvar="REPORTNLP_SALT", help="Replace patients' ids by digests made with this.")
    ] = "",
    hide: Annotated[
        str, typer.Option(help="What the salt hides: patient; or all: ids of study, exam and report too.")
    ] = "patient",
    series: Annotated[
        bool, typer.Option("--series", help="DICOM slices of CT, MR or PET in files of their own: a volume.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """List the images of a folder.

    Of DICOM only ids are read (study, series, accession number, patient), view, side and modality. Of other
    files --pattern finds them in the path; without it the study is the file's name. Of an .npz each image of
    each array has a row. With --series the files of one frame, of modality CT, MR or PT, that share a folder
    and a series are one volume (FOLDER#SERIES); without it each file is an image.

    A salt hides the patient alone: study and series UIDs and accession numbers stay in clear, since reports
    are joined by them. With --hide all they are digests too (a series stays where it is the address of a
    volume); give images labels the same --salt, and report ids are hidden as they are joined. In clear in
    any case: paths and file names, site, date, view, and all that is in the images' files themselves.
    """
    from reportnlp.jobs import images_manifest as job

    with terminal.progress() as progress:
        listed = job.run(job.ImagesManifestJob(folder, out, pattern, salt, series, hide, overwrite), progress)
    tell(job.describe(listed))
    if listed.bad:
        tell_bad(listed.bad, out)


@commands.command(epilog="Example: reportnlp images check manifest.csv -o checked.csv")
def check(
    manifest: Manifest,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Manifest of the usable ones, with digests (.csv)."),
    ] = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
) -> None:
    """Read every image once; name and count those that cannot be used.

    A manifest with digests (-o) is not looked at again by images labels.
    """
    from reportnlp.jobs import images_check as job

    with terminal.progress() as progress:
        checked = job.run(job.ImagesCheckJob(manifest, out, workers, overwrite), progress)
    tell(job.describe(checked))
    if checked.bad or checked.rows:
        tell_bad(checked.bad, out, checked.rows)


@commands.command(epilog="Example: reportnlp images labels gold.csv manifest.csv -o image_labels.parquet")
def labels(
    table: Annotated[
        Path, typer.Argument(metavar="LABELS", help="A label table of label or weak fit, or gold answers.")
    ],
    manifest: Manifest,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help=".parquet, for images train; .csv, CheXpert's layout; or a folder."),
    ],
    finding: Annotated[
        list[str] | None, typer.Option(help="What to learn; repeat. Else all that LABELS answers.")
    ] = None,
    policy: Annotated[Policy, typer.Option(help="What to make of uncertain.")] = Policy.SOFT,
    uncertain_share: Annotated[
        float, typer.Option(min=0, max=1, help="Under soft: how probable a finding in doubt is.")
    ] = 0.5,
    not_mentioned: Annotated[
        Silence, typer.Option(help="What to make of not_mentioned: absent at less weight, or masked.")
    ] = Silence.ABSENT,
    not_mentioned_weight: Annotated[float, typer.Option(min=0, max=1, help="That weight.")] = 0.5,
    join: Annotated[
        str,
        typer.Option(help="Manifest column of report ids: report_id, study, accession; else what fits."),
    ] = "",
    salt: Annotated[
        str, typer.Option(help="That of images manifest --hide all: report ids of LABELS are hidden by it.")
    ] = "",
    view: Annotated[str, typer.Option(metavar="V,V,...", help="Only these views: PA,AP.")] = "",
    laterality: Annotated[str, typer.Option(metavar="S,...", help="Only these sides: L,R,B.")] = "",
    several: Annotated[
        Several, typer.Option(help="Of several images a study: all count, share one weight, or the first.")
    ] = Several.ALL,
    match_side: Annotated[
        bool, typer.Option("--match-side", help="An image of one side learns what is said of that side.")
    ] = False,
    split: Annotated[
        str, typer.Option(help="given, random, temporal, site or none; else given, or random if none is.")
    ] = "",
    test_share: Annotated[float, typer.Option(min=0, max=1, help="Share of images to test on.")] = 0.2,
    valid_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of images to choose the epoch on.")
    ] = 0.0,
    site: Annotated[str, typer.Option(help="With --split site: test on this one.")] = "",
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="Leave out what a given split has on both sides.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not look at the images: broken and equal ones stay.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="In a folder: copies, not links.")] = False,
    workers: Workers = 0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of a split that is drawn.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Join what reports say with a manifest, into what each image is to learn.

    Images of one patient, study or report, and images with the same pixels, are never on both sides of a
    split; a split in the manifest that breaks this is refused.
    """
    from reportnlp.images.manifest import SIDES
    from reportnlp.images.policies import Rules
    from reportnlp.jobs import images_labels as job
    from reportnlp.jobs._images_made import describe

    wanted = job.ImagesLabelsJob(
        table,
        manifest,
        out,
        Rules(policy.value, not_mentioned.value, not_mentioned_weight, uncertain_share),
        findings=tuple(finding or ()),
        join=join,
        salt=salt,
        views=_listed(view),
        sides=tuple(SIDES.get(side.casefold(), side) for side in _listed(laterality)),
        several=several.value,
        match_side=match_side,
        split=split,
        test_share=test_share,
        valid_share=valid_share,
        site=site,
        drop_leaks=drop_leaks,
        unchecked=unchecked,
        copy=copy,
        workers=workers,
        seed=seed,
        overwrite=overwrite,
    )
    with terminal.progress() as progress:
        made = job.run(wanted, progress)
    tell(describe(made))
    if made.bad or made.rows:
        tell_bad(made.bad, out, made.rows)


def _listed(given: str) -> tuple[str, ...]:
    return tuple(part.strip().upper() for part in given.split(",") if part.strip())
