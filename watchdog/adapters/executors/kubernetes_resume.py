"""Lets Argo CD or Flux go on, exactly as before `kubernetes_suspend` came, and nobody else's."""

from watchdog.adapters.kubernetes.access import reached
from watchdog.adapters.kubernetes.gitops import Kept, Options, Wanted, change_keeper, rights
from watchdog.adapters.kubernetes.keeper_probe import KeeperProbe
from watchdog.adapters.kubernetes.suspending import by_hand, is_ours, suspension, to_resume, works
from watchdog.domain.step_key import takes_back
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import NothingSent


class ResumeProbe(KeeperProbe):
    """Sees whether it was us who suspended what keeps the object."""

    def wanted(self, kept: Kept, key: str) -> Wanted:
        owner, found = kept.owner, kept.found
        before = suspension(owner, found)
        if works(owner, found):
            return Wanted([], "works by itself already; nothing to send")
        if before is None:
            text = "was suspended by somebody else, and is left so"
            # Only an undo may leave it: what a plan has to resume must not count as resumed.
            if takes_back(key):
                return Wanted([], text, idle=True)
            return Wanted([], f"{text}: if it is to go on, {by_hand(owner)}", refused=True)
        if not is_ours(before, key):
            text = f"was suspended by step {before.by}, of another run, and is left so"
            return Wanted([], text, idle=True)
        text = f"works by itself again, as before step {before.by}"
        return Wanted(to_resume(owner, found, before), text)

    def render(self) -> str:
        named = self._options.named
        who = f"who keeps {self._options.which}" if named is None else str(named)
        return f"PATCH {who}{self._options.place}: as before we suspended it"


class ResumeExecutor(ResumeProbe):
    """Puts back what stood there. An undo touches only what its own run suspended."""

    async def execute(self, key: str) -> str:
        async with reached(self._options) as api:
            done = await change_keeper(api, self._options, key, lambda one: self.wanted(one, key))
        return NothingSent(done.text) if done.idle else done.text


plugin = ExecutorPlugin(
    summary="Resume what kubernetes_suspend has suspended, exactly as it was.",
    options=Options,
    probe=ResumeProbe,
    build=ResumeExecutor,
    rights=rights,
    inspects=True,
)
