// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Heads} from "./Heads.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {LineageId} from "./types/LineageId.sol";

/// @title Which classes a lineage's head knows, in their order, and who taught them
abstract contract Classes is Heads {
    struct Taught {
        address teacher;
        uint16 indexPlusOne;
        uint16 head; // that it was taught with
    }

    mapping(LineageId lineage => mapping(bytes32 name => Taught)) private _classes;

    /// @inheritdoc ILineage
    function classOf(
        LineageId lineage,
        bytes32 name
    ) external view returns (bool known, address teacher, uint256 index, uint256 head) {
        Taught memory class = _classes[lineage][name];
        if (!_isKnown(lineage, class)) return (false, address(0), 0, 0);
        return (true, class.teacher, class.indexPlusOne - 1, class.head);
    }

    function _checkClasses(Class[] calldata classes, uint256 max) internal pure {
        if (classes.length > max) revert GrowthInvalid("classes");
        for (uint256 i = 0; i < classes.length; ++i) {
            uint256 rest = uint256(classes[i].name);
            if (rest == 0) revert ClassNameInvalid(classes[i].name);
            for (; rest != 0; rest <<= 8) {
                if (rest >> 248 == 0) revert ClassNameInvalid(classes[i].name); // a zero byte before another
            }
        }
    }

    function _teachAll(
        LineageId lineage,
        uint16 head,
        uint256 known,
        address[] calldata contributors,
        Growth[] calldata growths
    ) internal {
        for (uint256 i = 0; i < growths.length; ++i) {
            _teach(lineage, head, contributors[i], known, growths[i].classes);
            known += growths[i].classes.length;
        }
    }

    /// @dev Puts classes behind the `known` ones.
    function _teach(
        LineageId lineage,
        uint16 head,
        address teacher,
        uint256 known,
        Class[] calldata classes
    ) internal {
        for (uint256 i = 0; i < classes.length; ++i) {
            bytes32 name = classes[i].name;
            if (_isKnown(lineage, _classes[lineage][name])) revert ClassExists(name);
            uint256 index = known + i;
            _classes[lineage][name] = Taught(teacher, uint16(index + 1), head); // cast: a head's classes are 16 bits
            emit ClassTaught(lineage, index, name, classes[i].labelSpec, teacher, head);
        }
    }

    /// @dev What was taught with a head that fell is not known any more.
    function _isKnown(LineageId lineage, Taught memory class) private view returns (bool) {
        return class.indexPlusOne != 0 && !_heads[lineage][class.head].fallen;
    }
}
