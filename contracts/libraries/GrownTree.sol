// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PlacedTree} from "./PlacedTree.sol";

/// @notice Appends leaves to a PlacedTree of which only the frontier is known: its peaks, the roots of its perfect
/// subtrees from left to right, one for each bit of the number of leaves. Bagged from the right they are its root.
library GrownTree {
    uint256 private constant MAX_PEAKS = 32; // of fewer than 2^32 leaves

    /// @dev A tree while it grows.
    struct Frontier {
        bytes32[] peaks; // those in use come first
        uint256 used;
        uint256 count; // leaves
    }

    /// @notice The frontier of a tree of `count` leaves, and whether `peaks` are that of `root`.
    function load(
        bytes32 root,
        uint256 count,
        bytes32[] calldata peaks
    ) internal pure returns (Frontier memory tree, bool valid) {
        uint256 used = peaks.length;
        uint256 bits = 0;
        for (uint256 rest = count; rest != 0; rest &= rest - 1) ++bits;
        if (used == 0 || used != bits || count >> MAX_PEAKS != 0) return (tree, false);
        tree = Frontier(new bytes32[](MAX_PEAKS), used, count);
        for (uint256 i = 0; i < used; ++i) tree.peaks[i] = peaks[i];
        valid = rootOf(tree) == root;
    }

    /// @notice Adds a leaf at the end.
    function append(Frontier memory tree, bytes32 leaf) internal pure {
        bytes32 node = leaf;
        uint256 used = tree.used;
        for (uint256 rest = tree.count; rest & 1 == 1; rest >>= 1) node = PlacedTree.join(tree.peaks[--used], node);
        tree.peaks[used] = node;
        (tree.used, tree.count) = (used + 1, tree.count + 1);
    }

    /// @notice Root of the tree as it stands.
    function rootOf(Frontier memory tree) internal pure returns (bytes32 root) {
        uint256 i = tree.used - 1;
        root = tree.peaks[i];
        while (i != 0) root = PlacedTree.join(tree.peaks[--i], root);
    }
}
