// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Every limit, with its unit and its reason.
library Bounds {
    uint256 internal constant PPM = 1_000_000; // one, in parts per million
    uint256 internal constant MAX_MODELS = 21; // opened in one task: 6-bit counters of one panel word
    uint256 internal constant PANEL = 48; // committee members in one panel word
    uint256 internal constant MAX_POOL = 1_200; // members of a pool: a roster is contract code, at most 24,576 bytes
    uint256 internal constant MAX_NODES = 255; // of a run: one bit a node in one word
    uint256 internal constant MAX_DIFFICULTY_BITS = 32; // minutes on one core: more would shut small nodes out
    uint256 internal constant MAX_VOTE_WINDOW = 7 days; // a rollback that takes longer is no rollback
    uint256 internal constant MAX_SHARDS_DRAWN = 32; // proven in one transaction
    uint256 internal constant MAX_FIRST_CLASSES = 256; // of a lineage's first head: written in one transaction
    uint256 internal constant MAX_NEW_CLASSES = 16; // of one growth: several are written in one transaction
    uint256 internal constant MAX_PARAMETERS = 1 << 28; // of a head: 1 GiB of float32, what verifiers can be asked to load
    uint256 internal constant MIN_WINDOW = 12 seconds; // one slot: a shorter window can pass between two blocks
    uint256 internal constant MAX_WINDOW = 30 days; // a stalled escrow frees within six of these
    uint256 internal constant PAYMENT_GAS = 50_000; // handed to a payee that someone else settles for
    uint256 internal constant SIGNATURE_GAS = 100_000; // handed to a contract wallet that is asked about its signature
}
