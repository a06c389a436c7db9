"""What one client may do: the judgement. It is made anew for each question, as the sections may change meanwhile."""

from collections.abc import Iterable
from enum import Enum

from procman.access.roles import ANYONE, Needs, Role, Scope, higher, reaches
from procman.access.rules import Door, Grant, Identity, Rules

# What a client with a password for reading is told, as ever.
READ_ONLY = "this account is read-only: log in with one that may make changes"


class Verdict(Enum):
    """What comes of a question about one program."""

    ALLOWED = "allowed"
    DENIED = "denied"  # it may see the program
    HIDDEN = "hidden"  # to this client, there is no such program


class Rights:
    """Of one client, for one request."""

    def __init__(self, identity: Identity, rules: Rules, door: Door, *, refusal: str = "") -> None:
        """`refusal` are the words for whatever it may not; without them, the needed role and its own are named."""
        self.identity = identity
        self.denial = ""  # the latest reason for which it was refused
        self.hidden = ""  # what it has named that is hidden from it
        self._rules = rules
        self._door = door
        self._words = refusal
        self._version = -1
        self._grants: tuple[Grant, ...] = ()
        self._began = rules.version
        self._asked: list[tuple[str, Needs]] = []  # what was allowed by name
        self._asked_of_all: list[Needs] = []
        self._entered = ANYONE

    # ---- in general

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All that apply to it now, but for the programs that are its own."""
        if self._version != self._rules.version:
            self._version = self._rules.version
            self._grants = _grants(self.identity, self._rules, self._door)
        return self._grants

    @property
    def is_full(self) -> bool:
        """Whether it may do everything."""
        return any(grant.role == "admin" and grant.is_for_all for grant in self.grants)

    @property
    def is_full_for_good(self) -> bool:
        """Whether it may do everything by what it is, whatever the sections say."""
        return any(grant.role == "admin" and grant.is_for_all for grant in self.identity.grants)

    @property
    def is_by_password(self) -> bool:
        """Whether it has them by a password for reading, as ever."""
        return bool(self._words)

    @property
    def token_source(self) -> str:
        """The section that its token is of; "": it has none."""
        digest = self.identity.digest
        found = (one.grant.source for one in self._rules.sections if digest and digest in one.digests)
        return next(found, "")

    @property
    def owner_role(self) -> Role:
        """What the user of a program has for that program."""
        return self._door.owner_role

    def owns(self, name: str) -> bool:
        """Whether the process of that namespec runs as its uid, and that counts."""
        uid = self.identity.uid
        return self._door.owner_role != "none" and uid is not None and self._rules.owner(name) == uid

    @property
    def has_changed(self) -> bool:
        """Whether the sections have changed since the request came in, and so perhaps what it may do."""
        return self._began != self._rules.version

    @property
    def role(self) -> Role:
        """The highest that it has for any program."""
        role: Role = "none"
        for grant in self.grants:
            role = higher(role, grant.role)
        uid = self.identity.uid
        if uid is not None and self._door.owner_role != "none" and self._rules.owns_any(uid):
            role = higher(role, self._door.owner_role)
        return role

    @property
    def reads_all(self) -> bool:
        """Whether it may see every program, and so all that is about the master."""
        return any(grant.is_for_all and reaches(grant.role, "read") for grant in self.grants)

    def is_for_all(self, needs: Needs) -> bool:
        """Whether it may do what needs this with every program, and so with the master."""
        return _suffice([grant for grant in self.grants if grant.is_for_all], needs)

    def refusal(self, needs: object) -> str | None:
        """Why an endpoint that needs this is not for it; None: it is."""
        assert isinstance(needs, Needs)
        if not self._may_enter(needs):
            return self.deny(needs)
        self._entered = needs
        return None

    # ---- one program

    def role_for(self, name: str) -> tuple[Role, bool]:
        """The role for the process of that namespec, and whether its logs may be read."""
        role: Role = "none"
        logs = False
        for grant in self.grants:
            if grant.is_for_all or any(self._rules.selects(spec, name) for spec in grant.programs):
                role = higher(role, grant.role)
                logs = logs or grant.shows_logs
        if self.owns(name):
            role = higher(role, self._door.owner_role)
            logs = logs or reaches(self._door.owner_role, "operate")
        return role, logs

    def sees(self, name: str) -> bool:
        """Whether it may know that there is a process of that namespec."""
        return self.reads_all or reaches(self.role_for(name)[0], "read")

    def judge(self, needs: Needs, name: str) -> Verdict:
        """Whether it may do with the process of that namespec what needs this."""
        role, logs = self.role_for(name)
        if reaches(role, needs.role) and (logs or not needs.logs):
            return Verdict.ALLOWED
        return Verdict.DENIED if reaches(role, "read") else Verdict.HIDDEN

    def permits(self, needs: Needs, name: str) -> bool:
        """The same as yes or no."""
        return self.judge(needs, name) is Verdict.ALLOWED

    def remember_all(self, needs: Needs) -> None:
        """Note that something is done because it may do so with all programs, for `still_allowed`."""
        self._asked_of_all.append(needs)

    def remember(self, needs: Needs, names: Iterable[str]) -> None:
        """Note what is done by name, for `still_allowed`."""
        self._asked += ((name, needs) for name in names)

    def settle(self) -> None:
        """What has changed meanwhile is the client's own doing: its answer is for it."""
        self._began = self._rules.version
        self._asked.clear()
        self._asked_of_all.clear()

    def still_allowed(self) -> bool:
        """Whether what was allowed would be allowed now."""
        return (
            self._may_enter(self._entered)
            and all(map(self.is_for_all, self._asked_of_all))
            and all(self.permits(needs, name) for name, needs in self._asked)
        )

    def deny(self, needs: Needs, spec: str = "") -> str:
        """The words for a refusal."""
        if self._words:
            self.denial = self._words
            return self._words
        role = self.role
        of = f" of {spec}" if spec else " of all programs" if needs.scope is Scope.FLEET else ""
        if not reaches(role, needs.role):
            self.denial = f"it takes the role {needs.role}{of}, and yours is {role}"
        elif needs.logs:
            self.denial = f"it needs the right to read the logs{of}, which you do not have"
        else:
            self.denial = f"it takes the role {needs.role}{of}, and yours is for other programs"
        return f"{self.denial}: procmanctl whoami lists what you may do"

    def _may_enter(self, needs: Needs) -> bool:
        match needs.scope:
            case Scope.ANYONE:
                return True
            case Scope.FLEET:
                return self.is_for_all(needs)
            case _:
                uid = self.identity.uid
                owned = uid is not None and self._door.owner_role != "none" and self._rules.owns_any(uid)
                role = self._door.owner_role
                own = Grant(source="owner_role", role=role, logs=reaches(role, "operate"))
                return _suffice([*self.grants, *([own] if owned else [])], needs)


def _suffice(grants: list[Grant], needs: Needs) -> bool:
    """Whether grants that apply to the same programs, put together, are as much as that."""
    return any(reaches(grant.role, needs.role) for grant in grants) and (
        not needs.logs or any(grant.shows_logs for grant in grants)
    )


def _grants(identity: Identity, rules: Rules, door: Door) -> tuple[Grant, ...]:
    found = [
        section.grant
        for section in rules.sections
        if (identity.uid is not None and identity.uid in section.uids)
        or not identity.gids.isdisjoint(section.gids)
        or (identity.digest and identity.digest in section.digests)
    ]
    if not found and not identity.grants and identity.uid is not None and door.default_role != "none":
        logs = reaches(door.default_role, "operate")
        found = [Grant(source="default_role", role=door.default_role, logs=logs)]
    return (*identity.grants, *found)
