"""The command: what can be done with contact groups. HTTP and events meet here, nowhere else."""

from __future__ import annotations

from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.contact_group import ContactGroup


class Groups:
    """The contact groups that CloudMonitor holds."""

    def __init__(self, client: Client) -> None:
        """Args: client: how CloudMonitor is called."""
        self._client = client

    def put(
        self, group: ContactGroup, credentials: CredentialsReader, deadline: float
    ) -> str | None:
        """Creates or replaces a group.

        Args:
            group: its full state.
            credentials: reads the credentials.
            deadline: on the monotonic clock.

        Returns:
            The upstream's RequestId.

        Raises:
            Problem: see `Client.call`.
        """
        return self._client.call(put_contact_group(group), credentials, deadline)

    def dry_run(self, group: ContactGroup, credentials: Credentials) -> dict[str, object]:
        """The call that `put` would send; see `Client.preview`."""
        return self._client.preview(put_contact_group(group), credentials)
