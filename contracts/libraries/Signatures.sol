// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Compact signatures (EIP-2098) in packed calldata: r, then s with the parity of y in its top bit.
library Signatures {
    uint256 internal constant SIZE = 64; // bytes
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Whether the signature that stands at `at` in calldata is `signer`'s, on `digest`. High s values, which
    /// would be a second signature that anyone can make from the first, are none.
    function isBy(address signer, bytes32 digest, uint256 at) internal view returns (bool signed) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let vs := calldataload(add(at, 32))
            let s := shr(1, shl(1, vs))
            mstore(free, digest)
            mstore(add(free, 32), add(27, shr(255, vs)))
            calldatacopy(add(free, 64), at, 32) // r
            mstore(add(free, 96), s)
            mstore(0, 0) // stays when nobody can have signed
            if iszero(staticcall(gas(), 1, free, 128, 0, 32)) {
                revert(0, 0)
            }
            let found := mload(0)
            signed := and(and(eq(found, shr(96, shl(96, signer))), gt(found, 0)), iszero(gt(s, HALF_ORDER)))
        }
    }
}
