// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A Merkle tree that binds every leaf to its place: the number of leaves fixes the tree's shape, a node's place
/// the side it is hashed on, so no place can hold two leaves. A last node without a sibling moves up as it is.
library PlacedTree {
    /// @notice Whether a tree of `count` leaves and this root has `nodes` at `places`.
    /// @param places rising, each once; overwritten
    /// @param nodes the leaves at these places; overwritten
    /// @param proof the nodes beside their paths that do not follow from them: level by level upwards, left to right
    function verify(
        bytes32 root,
        uint256 count,
        uint256[] memory places,
        bytes32[] memory nodes,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        uint256 known = nodes.length;
        if (known == 0 || places[known - 1] >= count) return false;
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            uint256 above = 0;
            for (uint256 i = 0; i < known; ++i) {
                uint256 place = places[i];
                bytes32 node = nodes[i];
                if (place & 1 == 1) {
                    if (used == proof.length) return false;
                    node = join(proof[used++], node);
                } else if (i + 1 < known && places[i + 1] == place + 1) {
                    node = join(node, nodes[++i]);
                } else if (place + 1 < width) {
                    if (used == proof.length) return false;
                    node = join(node, proof[used++]);
                }
                nodes[above] = node;
                places[above++] = place >> 1;
            }
            known = above;
        }
        return known == 1 && used == proof.length && nodes[0] == root;
    }

    /// @notice Whether a tree of `count` leaves and this root has `leaf` at `place`: verify for a single one.
    function holds(
        bytes32 root,
        uint256 count,
        uint256 place,
        bytes32 leaf,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (place >= count) return false;
        bytes32 node = leaf;
        bool used;
        // from the leaf up: the sibling is on the left of an odd place, on the right of an even one, and the last
        // node of a level with an odd number of them has none
        assembly ("memory-safe") {
            let at := proof.offset
            for { let width := count } gt(width, 1) { width := shr(1, add(width, 1)) } {
                let odd := and(place, 1)
                if or(odd, lt(add(place, 1), width)) {
                    mstore(shl(5, odd), node)
                    mstore(shl(5, iszero(odd)), calldataload(at))
                    node := keccak256(0, 64)
                    at := add(at, 32)
                }
                place := shr(1, place)
            }
            used := eq(at, add(proof.offset, shl(5, proof.length)))
        }
        // a proof that is too short was read on into other calldata, which `used` tells
        return used && node == root;
    }

    /// @notice The node above two.
    function join(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            node := keccak256(0, 64)
        }
    }
}
