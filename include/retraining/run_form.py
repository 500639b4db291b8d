"""The trigger form of a daily run: the fields of Run that a person may set."""

from airflow.sdk import Param

DATE_FORM = {
    "as_of_date": Param(
        None, type=["null", "string"], format="date", title="As-of date",
        description="The business date to run for. Empty: the date of the run. Events before this date are used.",
    ),
}  # fmt: skip
RUN_FORM = {
    **DATE_FORM,
    "data_checks": Param(
        "enforce", enum=["enforce", "accept"], title="Data checks",
        description="enforce: a verdict of stop ends the run. accept: go on; you have looked, and the data are right.",
    ),
    "train": Param(
        "auto", enum=["auto", "force", "skip"], title="Train",
        description="auto: reuse a model of the very same data. force: train anew. skip: publish with the champion.",
    ),
    "approval": Param(
        "auto", enum=["auto", "skip"], title="Approval",
        description="auto: a person is asked about a new model where promotion.approval says so. skip: nobody is "
        "asked, and a model that needs approval stays out.",
    ),
    "publish": Param(
        "auto", enum=["auto", "stage_only"], title="Publish",
        description="auto: readers get the lists where the rules allow it. stage_only: write the lists, show nobody.",
    ),
    "reason": Param(
        None, type=["null", "string"], title="Reason", description="Why you start this run; kept with its switch.",
    ),
}  # fmt: skip
