// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Name of a lineage: the hash of its terms, of the chain and of the contract that keeps it.
type LineageId is bytes32;

/// @notice Everything a lineage promises. It travels in calldata and hashes to the lineage's id.
struct LineageTerms {
    address initiator; // who pays the prizes and opens the rounds
    bytes32 spec; // SHA-256 of the canonical JSON spec, which is also the digest of its CID
    bytes32 weights; // SHA-256 of the first head's weights file
    bytes32 manifest; // SHA-256 of its manifest, which is also the digest of its CID
    bytes32 tensors; // root over its tensors (libraries/PlacedTree.sol), in order of their names
    uint16 tensorCount;
    uint24 scorePpm; // the initiator's claim for it: likelihood, parts per million
    bytes32 pool; // pool of verifiers that every round's committee is drawn from
    uint16 committee; // least committee of a round
    uint96 prizeWei; // of each round, shared equally by the models that the committee accepted
    uint16 roundsMax;
    uint8 idleMax; // rounds in a row without a new head after which none may improve it
    uint24 thresholdPpm; // score from which on a head is extended and no longer improved
    uint32 challengeSeconds; // how long a new head can be overturned
    bool growable; // whether heads may be extended
    uint64 salt; // tells apart two lineages with the same terms
}

library LineageIds {
    bytes32 private constant TAG = keccak256("quorate/lineage/1");

    /// @dev keccak256(abi.encode(tag, chain id, contract, terms))
    function toId(LineageTerms calldata terms) internal view returns (LineageId) {
        return LineageId.wrap(keccak256(abi.encode(TAG, block.chainid, address(this), terms)));
    }
}
