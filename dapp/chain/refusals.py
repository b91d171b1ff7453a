"""What to do about each error that a contract can raise (contracts/interfaces/*.sol), by its Solidity
name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

FIXES: Final = MappingProxyType(
    {
        # task
        "WrongPhase": "`quorate task show` tells the task's phase and when the next one begins.",
        "TaskExists": "This very task stands already: `quorate task show`. Give --number to open another "
        "like it.",
        "NotInitiator": "Use the account that opened the task.",
        "MafrOutOfRange": "Give MAFR in parts per million: 1 to 1,000,000 (95 % is 950,000).",
        "CapOutOfRange": "Allow between 1 model and the maximum in the message.",
        "CommitteeOutOfRange": "Ask for at least one verifier and at most the maximum in the message.",
        "ShardsOutOfRange": "Draw at least one shard, no more than there are, and no more than the maximum.",
        "WindowOutOfRange": "Give each window at least the minimum and at most the maximum in the "
        "message, in seconds.",
        "EscrowMismatch": "Send exactly what the task can owe: reward + fee × committee + bond.",
        # commit
        "ModelAlreadySealed": "One model per account and task: yours stands. Open it when the phase "
        "Open begins.",
        "ModelNotSealed": "Seal a model while the phase is Submit; what was not sealed cannot be "
        "opened, or is already.",
        "ModelSealMismatch": "Open with exactly what was sealed, from the same account; the journal has it.",
        "ModelSizeZero": "The weights file is empty: train again.",
        "ScoreOutOfRange": "Claim a score between 0 and 1,000,000 ppm.",
        "ContributorNotListed": "The initiator must list your account; ask for it, or contribute to an "
        "open task.",
        "ContributorsAreListed": "This task has an allow-list: name its file with --contributors FILE.",
        "CapReached": "All places were taken by models opened before this one; nothing was lost but the gas. "
        "Open earlier next time: places go by the order of opening.",
        "NotACopy": "Name the model that was sealed first as the original, and one with equal weights "
        "as the copy.",
        # draw
        "InitiatorSeated": "The initiator stands in the pool of verifiers: leave it (`quorate pool "
        "leave`), then draw.",
        "InitiatorContributed": "The initiator has contributed to this task; roles are disjoint.",
        "DrawAlreadyFixed": "The draw stands: reveal the shards with `quorate draw reveal`.",
        "DrawNotFixed": "Fix the draw first: `quorate draw fix`.",
        "DrawBlockPending": "Wait until the draw block in the message has passed, then run this again.",
        "DrawBlockForgotten": "The chain does not know the draw block's hash any more, and nothing can "
        "bring it back: the task lapses when the draw window closes, and models and pool share the bond.",
        "ShardCountMismatch": "Show exactly the shards that were drawn.",
        "ShardNotDrawn": "Show only the shards that were drawn.",
        "ShardsOutOfOrder": "Show the shards in rising order of index.",
        "ShardsUnproven": "The shards or salts differ from what was committed: use the journal of "
        "the machine that opened the task.",
        # vote
        "NotSeated": "Use the account that sits at this seat of the task's roster.",
        "NotDrawn": "The draw did not pick this account for the committee; nothing is due.",
        "VerifierIsContributor": "Who contributed to a task cannot judge it.",
        "BallotAlreadySealed": "One ballot per verifier: yours stands. Open it when the phase Ballot begins.",
        "BallotNotSealed": "Seal a ballot while the phase is Vote; what was not sealed cannot be "
        "opened, or is already.",
        "BallotSealMismatch": "Open with exactly what was sealed, from the same account; the journal has it.",
        "ScoreCountMismatch": "Give one score to each opened model, in order of opening.",
        "BallotScoreOutOfRange": "Give scores between 0 and 1,000,000 ppm.",
        "BatchMalformed": "Pack the batch with dapp.chain.batches.",
        "BatchEmpty": "No ballot of the batch could be taken: not drawn, sealed or opened already, or "
        "signed by others.",
        "BatchUnknown": "Open a batch with what was sealed in it, and name the batches before and after it "
        "as the chain recorded them (events BallotsSealed), in order.",
        # settle
        "NotOver": "`quorate task show` tells when the task ends; money moves after that.",
        "NotSettled": "Settle the task first: `quorate settle`. Anyone may.",
        "NothingOwed": "The task owes this account nothing, or paid it already.",
        "PaymentFailed": "The receiver refused the payment: withdraw again to another address with --to.",
        "ReentrancyGuardReentrantCall": "A receiver called back into the contract: withdraw to another "
        "address.",
        # pool
        "AlreadyMember": "The account has a seat in this pool already; nothing is due.",
        "NotMember": "The account has no seat in this pool.",
        "NotOnList": "The pool admits only listed accounts: ask whoever made it.",
        "PoolFull": "Wait until a member leaves, or join another pool.",
        "PoolEmpty": "The pool has no members yet: verifiers join it with `quorate pool join`.",
        "RosterFailed": "The member list could not be stored; try again with more gas.",
        # record, attest, rollback
        "RunTermsInvalid": "Correct the named field: a quorum above 500,000 ppm and at most 1,000,000, a "
        "difficulty of at most 32 bits, a vote window between 12 seconds and 7 days.",
        "NodesUnordered": "List the nodes in rising order of their addresses, each once.",
        "NodeCountOutOfRange": "Give a run at least one node and at most the maximum in the message.",
        "RunExists": "This very run stands already: `quorate run show`. Give --number to start "
        "another like it.",
        "RunUnknown": "`quorate run list` shows the runs of this ledger.",
        "NodesFailed": "The node set could not be stored; try again with more gas.",
        "NotRecorder": "Use the account that started the run: only it records.",
        "NotOfRun": "Only the run's recorder and its nodes may ask for a rollback.",
        "EntryInvalid": "The entry's named field does not follow from the head: take the head's header anew.",
        "HeaderStale": "The head has moved: read it anew, then build on it or vote again.",
        "WorkMissing": "Search for a nonce first: the id must begin with that many zero bits.",
        "QuorumMissing": "Wait for more nodes to sign; `quorate run show` lists who they are.",
        "SeatUnknown": "The node set has changed: read it anew.",
        "SeatTwice": "Count a node once: by its signature or by its endorsement.",
        "SeatBarred": "This node signed two entries for one place and does not count any more: leave it out.",
        "SignatureInvalid": "The node at this seat did not sign this: ask it again, or leave it out. "
        "Signatures for another head, attempt, vote, run or chain do not count.",
        "SignaturesMalformed": "Pack 64 bytes for each signer (r, s with the parity on top), by seat.",
        "EndorsementMissing": "The node at this seat has not endorsed this digest on chain.",
        "NothingToRollBack": "The run has no registered entry yet.",
        "VoteIsOpen": "A vote is open already: nodes answer it, or it ends at the time in the message.",
        "VotePauses": "Wait until the time in the message: each vote is followed by a pause as long.",
        "NoVoteOpen": "Open a vote first: `quorate rollback`.",
        "TargetNotInHistory": "Name an entry that was registered before the head, with its height and proof.",
        "StatementsAgree": "Evidence needs two different entries that one node signed for one place.",
        # language
        "Error": "Read the reason in the message.",
        "Panic": "This is a fault of the contract: report it with the transaction.",
        "NoReason": "The call reverted without a reason: check the contract's address and the amount of gas.",
    }
)

RETRYABLE: Final = frozenset(
    {
        "DrawBlockPending",
        "RosterFailed",
        "NotOver",
        "NodesFailed",
        "QuorumMissing",
        "VoteIsOpen",
        "VotePauses",
    }
)
"""Refusals that may turn into success without a change, only by waiting."""
