"""`python -m include.production.access`: roles as this version wants them, the admin and the pool where missing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

from include.embedded.components import PRODUCTION_POOL
from include.embedded.secret_file import ADMIN, ADMIN_PASSWORD
from include.production.errors import ProductionError
from include.production.roles import ROLES
from include.retraining.errors import HigawariError

if TYPE_CHECKING:
    from include.production.roles import Permissions


def set_up_access(password: str) -> None:
    """Make what is missing. Roles lose what this version does not grant; the admin's password is left as it is."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        security = builder.sm
        # Airflow's own resources and roles first: ours are made of them.
        cast("Any", builder).add_permissions(update_perms=True)
        security.sync_roles()
        for name, permissions in ROLES.items():
            _set_role(security, name, permissions)
        if not security.find_user(username=ADMIN):
            _add_admin(security, password)


def ensure_pool() -> None:
    """One slot for decisions and switches; a pool that is there is left as the operator wants it."""
    from airflow.models.pool import Pool

    if not Pool.get_pool(PRODUCTION_POOL):
        Pool.create_or_update_pool(PRODUCTION_POOL, 1, "Decisions and switches, one at a time", include_deferred=False)


def _set_role(security: Any, name: str, permissions: Permissions) -> None:
    role = security.add_role(name)
    role.permissions = [security.create_permission(action, resource) for action, resource in sorted(permissions)]
    security.session.commit()


def _add_admin(security: Any, password: str) -> None:
    role = security.find_role("Admin")
    if not security.add_user(ADMIN, "Higawari", "Admin", "admin@localhost", role, password):
        raise ProductionError("a user admin to be made", "Airflow refused", "see the log of the service init above")


def main() -> int:
    """Set up; exit code 1 with the reason where that is not possible."""
    try:
        if not (password := os.environ.get(ADMIN_PASSWORD)):
            raise ProductionError(f"the password of the admin in {ADMIN_PASSWORD}", "nothing", "make compose-env")
        set_up_access(password)
        ensure_pool()
    except HigawariError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Roles {', '.join(ROLES)}; user {ADMIN}; pool {PRODUCTION_POOL}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
