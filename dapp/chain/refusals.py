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
        "NotInitiator": "Use the account that opened the task, or started the lineage.",
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
        "InitiatorContributed": "The initiator has a model in its own task, so nothing can be drawn. The "
        "task lapses with its draw window; then settle it: the contributors share the bond.",
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
        "BatchMalformed": "Pack the batch with dapp.chain.batches, or model_batches.",
        "BatchEmpty": "Nothing in the batch could be taken: not drawn, sealed or opened already, signed "
        "by others, or not what was sealed.",
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
        # improve, extend
        "LineageTermsInvalid": "Correct the named field: at least one tensor and one round, scores of "
        "at most 1,000,000 ppm, a committee of 1 to 1,200, a challenge of 12 seconds to 30 days.",
        "LineageExists": "This very lineage stands already: give another salt to start another like it.",
        "LineageUnknown": "No lineage of this id stands here: check the id and the chain.",
        "LineageEnded": "The lineage takes no more rounds: start another from its head.",
        "PrizesMismatch": "Send exactly the prizes of all rounds: prize × rounds.",
        "RoundIsOpen": "Extend or close the round in the message first.",
        "RoundNotOpen": "The round is over: its head stands, or it was closed without one.",
        "RoundUnknown": "This task is no round of a lineage.",
        "RoundExists": "This task is a round already: open another task.",
        "RoundPending": "Something was accepted and may still become the head: extend, or wait until "
        "the time in the message.",
        "RoundsUsedUp": "All rounds that the lineage promises were opened: start another from its head.",
        "RoundKindUnknown": "Open a round to improve (1) or to extend (2).",
        "RoundTaskUnfit": "Open a task with the lineage's initiator and pool, MAFR 500,000 ppm and at "
        "least its committee; the message names what differs.",
        "ChallengeOpen": "Wait until the time in the message: until then the head can be overturned.",
        "ChallengeOver": "The head cannot be overturned any more; the committee of the next round can "
        "doubt it.",
        "HeadGoodEnough": "The head has reached the lineage's threshold: extend it.",
        "HeadNotGoodEnough": "The head has not reached the lineage's threshold: improve it first.",
        "HeadIdle": "Too many rounds in a row brought no better head: the lineage improves no more.",
        "HeadNotGrowable": "The lineage's terms allow no extension.",
        "HeadMoved": "The head is not the one this round goes on from: close the round, and train from "
        "the head as it is now.",
        "GrowthInvalid": "Correct the named field: at least one tensor, 1 to 268,435,456 parameters, a "
        "score of at most 1,000,000 ppm, at most 16 new classes (a first head: 256), none in a round "
        "that improves.",
        "GrowthTooSmall": "A model keeps all tensors of the head, and an extension adds some.",
        "GrowthUndeclared": "This contributor declared nothing: its model cannot become the head.",
        "GrowthMismatch": "Give exactly what the contributor declared (event Declared).",
        "AlreadyDeclared": "One declaration per model: yours stands.",
        "ModelNotOpened": "Open your model first; one that was struck as a copy is out.",
        "ModelsUnordered": "Name the models in order of opening, each once.",
        "AcceptedMismatch": "Name all models that the committee accepted and that are not overturned, "
        "and no others; the message has both sets, one bit for each model.",
        "ImproveTakesOne": "A round that improves takes one model; where the committee accepted more, "
        "it ends without a head.",
        "ClassNameInvalid": "Name classes with 1 to 32 bytes of UTF-8, padded with zeros on the right.",
        "ClassExists": "The head knows a class of this name already: only new ones are taught.",
        "MergeUnproven": "Make the merge with dapp.chain.lineage.merged, from the models' leaves as "
        "declared.",
        "FraudUnproven": "Evidence needs an extension's tree and its head's, with two different leaves "
        "at one place.",
        "AlreadyDoubted": "One doubt per member of the committee: yours stands.",
        # badges
        "BadgeLocked": "A badge stays with the account it was given to.",
        "BadgeExists": "The account has this badge already; nothing is due.",
        "BadgeNotEarned": "Board and lineages do not show it, or not yet: a task must be over, a head "
        "beyond its challenge, and a verifier's seat be named.",
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
        "RoundPending",
        "ChallengeOpen",
    }
)
"""Refusals that may turn into success without a change, only by waiting."""
