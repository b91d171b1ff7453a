// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Draws by a keyed permutation: position x of n is drawn exactly when permute(x) < k. Asking about one
/// position costs the same for any n and stores nothing.
/// @dev Generalized Feistel cipher with cycle walking (Black and Rogaway 2002) over side x side >= n cells,
/// side = ceil(sqrt(n)). A walk leaves the at most 2 sqrt(n) cells beyond n, so it ends; 1.1 steps on average at n = 100.
library Draw {
    bytes32 internal constant SHARDS = keccak256("quorate/draw/shards/1");
    bytes32 internal constant COMMITTEE = keccak256("quorate/draw/committee/1");
    uint256 private constant ROUNDS = 4;

    /// @notice Place of position `x` of `n`: it is one of the `k` drawn exactly when its place is below `k`.
    function placeOf(
        uint256 seed,
        bytes32 purpose,
        uint256 n,
        uint256 k,
        uint256 x
    ) internal pure returns (uint256 place) {
        if (x >= n) return type(uint256).max;
        return n <= k ? x : permute(seed, purpose, n, x);
    }

    /// @notice Image of `x` < `n` under the permutation of [0, n) that `seed` and `purpose` key.
    function permute(uint256 seed, bytes32 purpose, uint256 n, uint256 x) internal pure returns (uint256) {
        uint256 side = Math.sqrt(n, Math.Rounding.Ceil);
        do {
            // slither-disable-next-line divide-before-multiply: x splits into a row and a column, and is put together again
            uint256 left = x / side;
            uint256 right = x % side;
            for (uint256 round = 0; round < ROUNDS; ++round) {
                uint256 mix = _mix(seed, purpose, round, right);
                unchecked {
                    (left, right) = (right, (left + (mix % side)) % side); // both below side, side below 2^128
                }
            }
            x = left * side + right;
        } while (x >= n);
        return x;
    }

    /// @dev keccak256(abi.encode(seed, purpose, round, right)) in free memory.
    function _mix(uint256 seed, bytes32 purpose, uint256 round, uint256 right) private pure returns (uint256 mix) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, seed)
            mstore(add(free, 32), purpose)
            mstore(add(free, 64), round)
            mstore(add(free, 96), right)
            mix := keccak256(free, 128)
        }
    }
}
