// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Name of a training run: the hash of its terms, its first nodes, its recorder, ledger and chain.
type RunId is bytes32;

/// @notice What a run is started with and keeps.
struct RunTerms {
    bytes32 spec; // SHA-256 of the run's specification, which is its CID's digest
    uint24 quorumPpm; // share of the nodes that must agree, above one half
    uint8 difficultyBits; // leading zero bits that the id of an epoch needs; 0: no proof of work
    uint24 windowS; // how long a rollback vote stays open, in seconds, and how long a pause follows
    bytes32 salt; // tells apart two runs with the same terms
}

library RunIds {
    bytes32 private constant TAG = keccak256("quorate/run/1");

    /// @dev keccak256(abi.encode(tag, chain id, ledger, recorder, terms..., keccak256 of the packed nodes))
    function toId(
        RunTerms calldata terms,
        address recorder,
        address[] calldata nodes
    ) internal view returns (RunId) {
        bytes32 set = keccak256(abi.encodePacked(nodes));
        return RunId.wrap(keccak256(abi.encode(TAG, block.chainid, address(this), recorder, terms, set)));
    }
}
