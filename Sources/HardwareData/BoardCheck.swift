public import Boards
import FoundationEssentials
import Peripherals
import Units

/// What `adit doctor board FILE` says of a board file.
public struct BoardCheck: Hashable, Sendable {
    /// A path, or what the caller calls the text.
    public let file: String
    public let outcome: Outcome

    public enum Outcome: Hashable, Sendable {
        case right(BoardType)
        /// All that was found: one problem where the file could not be read to its end, else each check's first.
        case wrong([ProfileError.Problem])
    }

    public var isRight: Bool {
        switch outcome {
        case .right: true
        case .wrong: false
        }
    }

    /// For people, a line each.
    public var lines: [String] {
        switch outcome {
        case .wrong(let problems): problems.map { "\(file): \($0)" }
        case .right(let type): ["\(file): \(type.title) is well formed"] + type.lines.map { "  \($0)" }
        }
    }
}

extension HardwareLibrary {
    /// Checks the text of a board file, with the chips that the program carries.
    ///
    /// - Parameter file: what errors call it.
    public func checkBoardProfile(_ text: String, file: String) -> BoardCheck {
        let name = URL(filePath: file).deletingPathExtension().lastPathComponent
        do throws(ProfileError) {
            let type = try readBoardType(Array(text.utf8), name: name, file: file)
            let problems = type.problems
            return BoardCheck(file: file, outcome: problems.isEmpty ? .right(type) : .wrong(problems))
        } catch {
            return BoardCheck(file: file, outcome: .wrong([error.problem]))
        }
    }

    /// Checks a board file. One that cannot be read, or is no text, is wrong too.
    public func checkBoardProfile(at path: String) -> BoardCheck {
        do throws(ProfileError) {
            let bytes = try Self.read(path)
            guard bytes.count <= Self.fileLimit else {
                return BoardCheck(
                    file: path, outcome: .wrong([.tooLarge(bytes: bytes.count, limit: Self.fileLimit)]))
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return BoardCheck(file: path, outcome: .wrong([.notText]))
            }
            return checkBoardProfile(text, file: path)
        } catch {
            return BoardCheck(file: path, outcome: .wrong([error.problem]))
        }
    }
}

extension BoardType {
    /// What the type is, for people.
    var lines: [String] {
        var lines = [
            "\(chips.chips) × \(chips.name)\(chips.facts == nil ? ", a chip without code" : ""), "
                + "\(provenance.rawValue)", access.line, transport.line, supply.line,
        ]
        lines += care.sensors.map {
            "sensor \($0.name): \($0.part.place.map { "\($0)" } ?? "not on the bus")"
        }
        lines += care.fans.map { "fan \($0.name): \($0.part.place)" }
        if let limits = care.limits {
            lines.append(
                "limits: \(limits.frequency.lowerBound.megahertz) to \(limits.frequency.upperBound.megahertz) MHz"
            )
        }
        lines.append("without its host it \(care.hostLoss.line)")
        return lines + unproven.map { "unproven: \($0)" }
    }
}

extension BoardAccess {
    fileprivate var line: String {
        switch self {
        case .drivable: "can be driven"
        case .known(let missing): "cannot be driven yet: \(missing.joined(separator: "; "))"
        case .networkOnly: "runs firmware of its own: reachable over the network only"
        }
    }
}

extension BoardTransport {
    fileprivate var line: String {
        switch self {
        case .usbPorts(let usb, _):
            "USB \(Self.hex(usb.vendor)):\(Self.hex(usb.product)) \"\(usb.manufacturerText)\" \"\(usb.productText)\", "
                + "control on interface \(usb.controlInterface), chips on \(usb.dataInterface)"
        case .usbBridge(let usb):
            "USB \(Self.hex(usb.vendor)):\(Self.hex(usb.product)) \"\(usb.manufacturerText)\" \"\(usb.productText)\", "
                + "a \(usb.kind.rawValue), chips on interface \(usb.chipInterface)"
        case .serialPort: "a serial port, which nothing tells apart from others"
        case .network: "the network"
        }
    }

    private static func hex(_ id: UInt16) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension CoreSupply {
    fileprivate var line: String {
        switch self {
        case .tps546(let address, _): "core voltage by a TPS546 at 0x\(String(address.sevenBits, radix: 16))"
        case .ds4432u(let address, _, _):
            "core voltage by a TPS40305 with a DS4432U at 0x\(String(address.sevenBits, radix: 16))"
        case .undriven(let name): "core voltage by \(name), for which there is no driver"
        case .notInFacts: "core voltage: what makes it is in no source"
        }
    }
}

extension HostLoss {
    fileprivate var line: String {
        switch self {
        case .keepsHashing: "keeps hashing"
        case .switchesOff: "switches off"
        case .isItsOwn: "goes on, being its own"
        case .notTold: "does what no source tells"
        }
    }
}
