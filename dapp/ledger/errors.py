"""What stops a recorder or a node, each with what to do about it."""

from __future__ import annotations

from ml.errors import QuorateError


class LedgerError(QuorateError):
    """The base of all errors of the ledger off chain."""

    code = "ledger-failed"
    default_fix = "Read the message: it names the file, the peer or the entry that failed."


class LedgerBusy(LedgerError):
    """Another process holds the same book or the same queues."""

    code = "ledger-busy"
    default_fix = "Wait for the other process, or stop it: one folder is served by one process at a time."


class LedgerCorrupt(LedgerError):
    """A book or a queue whose bytes changed. values: height, where it is known."""

    code = "ledger-corrupt"
    default_fix = (
        "Move the folder away and start again: a node fetches the log anew, from the recorder or a node."
    )


class LedgerForeign(LedgerError):
    """A book or a queue of another run, chain or version."""

    code = "ledger-foreign"
    default_fix = "Name another folder: one folder serves one run."


class LedgerFull(LedgerError):
    """No room, or no right, to write. Nothing was signed or sent."""

    code = "ledger-full"
    default_fix = "Free some space, then start it again: it goes on where it stood."


class EntryUnknown(LedgerError):
    """An entry that is not in the book."""

    code = "entry-unknown"
    default_fix = "`quorate history` lists the entries of a run."


class EntryRefused(LedgerError):
    """The base of all reasons why a node does not sign an entry. values: height."""

    code = "entry-refused"
    default_fix = "The recorder has to record the epoch anew and to propose it as another attempt."


class ForeignRun(EntryRefused):
    """A header of another run."""

    code = "entry-of-another-run"
    default_fix = "Ask the recorder of this run; the peer that sent the header serves another one."


class WrongParent(EntryRefused):
    """A header that does not follow the last entry of the log."""

    code = "entry-wrong-parent"


class WrongHeight(EntryRefused):
    """A header whose height is not the number of entries before it: it is stale, or skips some."""

    code = "entry-wrong-height"


class WrongBase(EntryRefused):
    """A header that says it goes on from another epoch than the log does."""

    code = "entry-wrong-base"


class WrongHistory(EntryRefused):
    """A header whose root is not that of the entries before it."""

    code = "entry-wrong-history"


class TooLittleWork(EntryRefused):
    """A header whose id has fewer leading zero bits than the run asks for."""

    code = "entry-too-little-work"
    default_fix = "Search another nonce: `quorate node` does so when the run asks for work."


class RollbackInvented(EntryRefused):
    """A rollback's entry that does not repeat an earlier epoch, or that no vote has made."""

    code = "entry-rollback-invented"
    default_fix = "Only a vote of the nodes adds such an entry: open one with `quorate rollback`."


class CheckpointDiffers(EntryRefused):
    """A manifest that says something else than its header, or is none."""

    code = "checkpoint-differs"


class WeightsDiffer(EntryRefused):
    """Weights, or a pack, whose bytes are not those that the header vouches for."""

    code = "weights-differ"


class WeightsNotFinite(EntryRefused):
    """Weights that hold NaN or infinity, or are no numbers at all."""

    code = "weights-not-finite"
    default_fix = "Roll back to an earlier epoch, and train on with a lower learning rate."


class TooLargeToCheck(EntryRefused):
    """A checkpoint larger than this node accepts. values: size_bytes, limit_bytes."""

    code = "checkpoint-too-large"
    default_fix = "Raise the node's limit if the model is meant to be that large."


class ClaimTooHigh(EntryRefused):
    """An accuracy that this node does not find with its own data. values: claimed_ppm, found_ppm."""

    code = "claim-too-high"
    default_fix = "Record what held-out data show, or raise the node's tolerance if its data are too few."


class ContentMissing(LedgerError):
    """A manifest or a pack that none of the stores asked holds."""

    code = "content-missing"
    default_fix = (
        "Start the recorder's store, or name another one that holds it with --peer; then it goes on."
    )


class RecorderRefused(LedgerError):
    """The recorder's server does not take what was sent to it."""

    code = "recorder-refused"
    default_fix = "The message says why. A node that is left out can still endorse on chain (--endorse)."


class NotAsked(RecorderRefused):
    """A nonce for an entry that has one by now: another node was faster."""

    code = "not-asked"
    default_fix = "Nothing: look what is asked for now. Nodes race for each nonce, and one of them wins."


class RecorderUnreachable(LedgerError):
    """The recorder's server does not answer, answers too slowly or too much, or answers nonsense."""

    code = "recorder-unreachable"
    default_fix = "Start it (`quorate record`) or check its address. The node goes on as soon as it answers."


class AnnouncementForged(LedgerError):
    """A newest entry that the run's recorder has not signed."""

    code = "announcement-forged"
    default_fix = (
        "Check the address of the recorder's server: whoever answers there is not the run's recorder."
    )


class WouldEquivocate(LedgerError):
    """A second signature for a place in the log, or for a vote, for which this node has signed already."""

    code = "would-equivocate"
    default_fix = "The recorder has to propose another entry as another attempt: two signatures bar a node."


class NodeStuck(LedgerError):
    """A node that looked once did nothing, for something is in its way."""

    code = "node-stuck"
    default_fix = "Mend what the message names, then run it again; without --once the node waits for it."


class RequestRefused(LedgerError):
    """A recorder that runs was asked to open a vote, and the contract refused it."""

    code = "request-refused"
    default_fix = "The message says why; `quorate run show` tells when the next vote can be opened."


class QueueOrder(LedgerError):
    """A step of the queues that does not follow from the one before."""

    code = "queue-order"
    default_fix = "Report it: two recorders may share a folder, or the program has a fault."
