// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Receiver} from "./Receiver.sol";

/// @notice Test double: a contract wallet (ERC-1271) whose owner signs with a key, in 65 bytes.
contract Wallet is Receiver {
    enum Answer {
        Honest,
        Always, // takes every signature
        WrongMagic,
        Short, // fewer than 32 bytes
        Revert,
        Bomb, // returns a megabyte
        Blob, // takes every signature, and says so in 128 KiB
        EatGas, // never ends
        Dear // as Honest, after twice the gas that the board gives
    }

    bytes4 private constant MAGIC = 0x1626ba7e;

    address public immutable owner;
    Answer public answer;

    constructor(address owner_) {
        owner = owner_;
    }

    function say(Answer answer_) external {
        answer = answer_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (answer == Answer.Always) return MAGIC;
        if (answer == Answer.WrongMagic) return 0xffffffff;
        if (answer == Answer.Revert) revert("no");
        if (answer == Answer.Short) {
            assembly {
                mstore(0, MAGIC)
                return(0, 4)
            }
        }
        if (answer == Answer.Bomb) {
            assembly {
                return(0, 1000000)
            }
        }
        if (answer == Answer.Blob) {
            assembly {
                mstore(0, MAGIC)
                return(0, 131072)
            }
        }
        if (answer == Answer.EatGas) {
            while (true) {}
        }
        if (answer == Answer.Dear) {
            uint256 before = gasleft();
            while (before - gasleft() < 200_000) {}
        }
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return signer == owner ? MAGIC : bytes4(0);
    }
}
