"""The embedded PostgreSQL 18: a database with no installation, no network and no open door.

A cluster is a folder. Its server listens on a unix socket only, asks everyone for a password (SCRAM), and
belongs to the process that started it. Three logins: `postgres` (superuser, used in this package only),
`casework_owner` (owns the schema, creates roles, migrates) and `casework_server` (owns nothing, cannot
bypass row security).
"""

from casework.kernel.embedded.account import ProgramsNotUsable
from casework.kernel.embedded.cluster import Cluster
from casework.kernel.embedded.files import AlreadyRunning, EmbeddedServerProblem, FolderNotUsable, Role
from casework.kernel.embedded.opening import default_data_dir, open_cluster, running, throwaway_cluster
from casework.kernel.embedded.process import ServerDidNotStart

__all__ = [
    "AlreadyRunning",
    "Cluster",
    "EmbeddedServerProblem",
    "FolderNotUsable",
    "ProgramsNotUsable",
    "Role",
    "ServerDidNotStart",
    "default_data_dir",
    "open_cluster",
    "running",
    "throwaway_cluster",
]
