import ASICChains
import ASICChips
import Boards
import Foundation
import HardwareData
import Units

/// What `adit devices` knows: the chips and boards that the program can drive, what no source settles about them, and
/// whoever answered on a port.
public struct DeviceReport: Encodable, Equatable, Sendable {
    struct Chip: Encodable, Equatable {
        var name: String
        /// Register 0x00, upper half, hexadecimal.
        var ids: [String]
        var cores: Int
        var maximum_chips: Int
        var maximum_chips_reason: String
        var frequency_minimum_mhz: Double
        var frequency_maximum_mhz: Double
        var source: String
        var unproven: [String]
    }

    struct Board: Encodable, Equatable {
        var name: String
        var title: String
        var chip: String
        var chips: Int
        var provenance: String
        var unproven: [String]
    }

    struct Port: Encodable, Equatable {
        struct Chips: Encodable, Equatable {
            var id: String
            /// `null` for an id that the program does not know.
            var name: String?
            var count: Int
        }
        var path: String
        var chips: [Chips]
        var unreadable_bytes: Int
    }

    var chips: [Chip]
    var boards: [Board]
    var port: Port?

    /// One object, keys in the order of their names.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension DeviceReport {
    init(_ library: HardwareLibrary) throws(ProfileError) {
        chips = []
        for name in library.chipNames {
            guard let facts = try library.chip(named: name) else { continue }
            chips.append(
                Chip(
                    name: facts.name, ids: facts.chipIDs.map(Self.hex), cores: facts.cores,
                    maximum_chips: facts.maximumChips, maximum_chips_reason: facts.maximumChipsReason,
                    frequency_minimum_mhz: facts.minimumFrequency.megahertz,
                    frequency_maximum_mhz: facts.maximumFrequency.megahertz, source: facts.source,
                    unproven: facts.unproven))
        }
        boards = []
        for name in library.boardNames {
            let profile = try library.board(named: name)
            boards.append(
                Board(
                    name: name, title: profile.title, chip: profile.chain.chip.name,
                    chips: profile.chain.chips, provenance: profile.provenance.rawValue,
                    unproven: profile.unproven))
        }
    }

    mutating func add(_ finding: ChainProbe.Finding, at path: String) {
        var groups: [Port.Chips] = []
        for chip in finding.chips {
            let id = Self.hex(chip.id)
            if let index = groups.firstIndex(where: { $0.id == id }) {
                groups[index].count += 1
            } else {
                groups.append(
                    Port.Chips(id: id, name: chips.first { $0.ids.contains(id) }?.name, count: 1))
            }
        }
        port = Port(path: path, chips: groups, unreadable_bytes: finding.unreadableBytes)
    }

    /// Sentences about what is wrong on the port; none when it is well or was not asked.
    var troubles: [String] {
        guard let port else { return [] }
        let supported = chips.flatMap { chip in chip.ids.map { "\(chip.name) (id \($0))" } }
        if port.chips.isEmpty {
            return [
                port.unreadable_bytes == 0
                    ? "\(port.path): no chip answered; is the board powered and out of reset?"
                    : "\(port.path): \(port.unreadable_bytes) bytes came, but no answer of a chip; is it the data "
                        + "port, and have its chips been told another rate than 115,200 baud?"
            ]
        }
        return port.chips.filter { $0.name == nil }.map {
            "\(port.path): \($0.count) chips say that their id is \($0.id), which is not known; supported: "
                + supported.joined(separator: ", ")
        }
    }

    /// For people, a line each.
    var lines: [String] {
        var lines = ["Chips"]
        for chip in chips {
            lines.append(
                "  \(chip.name)  \(chip.cores) cores, 1 to \(chip.maximum_chips) on a chain, "
                    + "\(Self.number(chip.frequency_minimum_mhz)) to \(Self.number(chip.frequency_maximum_mhz)) MHz"
            )
            lines.append("    no more than \(chip.maximum_chips) because \(chip.maximum_chips_reason)")
            lines += chip.unproven.map { "    unproven: \($0)" }
        }
        lines.append("Boards")
        for board in boards {
            lines.append(
                "  \(board.name)  \(board.title): \(board.chips) × \(board.chip), \(board.provenance)")
            lines += board.unproven.map { "    unproven: \($0)" }
        }
        if let port {
            lines.append("On \(port.path)")
            lines += port.chips.map { "  \($0.count) × \($0.name ?? "unknown chip") (id \($0.id))" }
        }
        return lines
    }

    private static func hex(_ id: UInt16) -> String { "0x" + String(id, radix: 16) }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\(value)"
    }
}
