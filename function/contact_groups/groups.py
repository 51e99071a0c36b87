"""What can be done with contact groups. HTTP and events both call this, and share nothing else."""

from __future__ import annotations

from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.contact_group import ContactGroup


class Groups:
    """The contact groups that CloudMonitor holds."""

    def __init__(self, client: Client) -> None:
        """Args: client: what calls CloudMonitor."""
        self._client = client

    def put(
        self, group: ContactGroup, credentials: CredentialsReader, deadline: float
    ) -> str | None:
        """Creates or replaces a group.

        Args:
            group: its full state.
            credentials: reads the credentials.
            deadline: on the monotonic clock; no attempt starts that cannot finish by then.

        Returns:
            CloudMonitor's RequestId, if its answer has one.

        Raises:
            Problem: the write failed; its `outcome` says whether it may have been applied.
        """
        return self._client.call(put_contact_group(group), credentials, deadline)

    def dry_run(self, group: ContactGroup, credentials: Credentials) -> dict[str, object]:
        """The call that `put` would send, as JSON, without what somebody needs to send it."""
        return self._client.preview(put_contact_group(group), credentials)
