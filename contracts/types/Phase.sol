// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Where a task stands. Computed from its windows and the clock, never stored.
enum Phase {
    None, // never opened
    Notice, // announced; the initiator may cancel
    Submit, // contributors seal models
    Open, // contributors open them
    Draw, // committee and shards are drawn; the initiator shows the shards
    Vote, // the committee seals ballots
    Ballot, // the committee opens them
    Settled, // final: accepted models and voters are paid
    Cancelled, // ended by the initiator before submissions began
    Empty, // ended: nobody opened a model
    Lapsed // ended: the initiator did not show the shards in time
}
