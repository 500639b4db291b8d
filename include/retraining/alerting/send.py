"""Send an alert once: what was said a short while ago is not said again."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from include.retraining.alerting.attempt import attempt
from include.retraining.alerting.channels import deliver
from include.retraining.alerting.incidents import record_alert, was_said
from include.retraining.errors import SettingsError
from include.retraining.settings import Alerts, AlertSettings, load_settings

if TYPE_CHECKING:
    from include.retraining.alerting.message import Alert
    from include.retraining.warehouse.protocol import Warehouse

logger = logging.getLogger("higawari.alerts")


def send_once(warehouse: Warehouse | None, settings: Alerts, alert: Alert) -> bool:
    """Send and record; False where the run's last alert said the same within alerts.repeat_after_minutes.

    Sends first and records then: where the warehouse is broken an alert may come twice, but never not at all.
    """
    if warehouse is None:
        deliver(alert, settings)
        return True
    within = timedelta(minutes=settings.repeat_after_minutes)
    if attempt("see what was said before", partial(was_said, warehouse, alert, within), otherwise=False):
        logger.info("not sent again: %s", alert.subject)
        return False
    delivery = deliver(alert, settings)
    attempt("record the alert", partial(record_alert, warehouse, alert, delivery), otherwise=None)
    return True


def alert_settings() -> Alerts:
    """The settings of alerts, whatever else is wrong with the settings; the log alone where they are wrong."""
    try:
        return load_settings(AlertSettings).alerts
    except SettingsError:
        logger.exception("alerts go to the log only")
        return Alerts()
