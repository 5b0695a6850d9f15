import ArgumentParser
import BitcoinPrimitives
import Foundation
import HeaderReports

/// Arguments, input and output; what they mean is in HeaderReports.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hashes block headers and holds each to its nBits, or to a target of yours.",
        discussion: """
            Headers come as lines of 160 hexadecimal digits, or as raw bytes, 80 each; which of the two is seen from \
            the first bytes. Each gets a line: its hash, the difficulty that the hash meets, and whether that is enough.

            Exit status 0 when every header meets all it is held to, 1 when one does not or the input is no list of \
            headers (the line or offset is named), 64 for wrong usage.

            Example:
              adit verify --file headers.bin --difficulty 1 --json
            """)

    @Option(help: ArgumentHelp("Read this file instead of standard input.", valueName: "path"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "How headers are written, where a guess would be wrong: hex or raw.", valueName: "form"),
        transform: headerFormat)
    var format: HeaderFormat?

    @Option(
        help: ArgumentHelp(
            "Hold the hashes to this target too, most significant digit first.", valueName: "hex"))
    var target: String?

    @Option(help: ArgumentHelp("Hold the hashes to this difficulty too.", valueName: "number"))
    var difficulty: Double?

    @Flag(help: "A JSON object for each header, one a line, on standard output.")
    var json = false

    func validate() throws { _ = try asked() }

    func run() throws {
        let asked = try asked()
        let reports: [HeaderReport]
        do {
            let bytes = [UInt8](try input())
            reports = report(
                on: try readHeaders(bytes, as: format ?? HeaderFormat.guess(bytes)), asked: asked)
        } catch let fault as HeaderInputFault {
            throw Failed("\(file ?? "standard input"), \(fault)")
        } catch {
            throw Failed("cannot read \(file ?? "standard input"): \(error.localizedDescription)")
        }
        var text = ""
        for report in reports { text += (json ? try report.jsonLine() : report.line) + "\n" }
        FileHandle.standardOutput.write(Data(text.utf8))
        if !reports.allSatisfy(\.isGood) { throw ExitCode(1) }
    }

    private func input() throws -> Data {
        guard let file else { return try FileHandle.standardInput.readToEnd() ?? Data() }
        return try Data(contentsOf: URL(fileURLWithPath: file))
    }

    private func asked() throws -> Target? {
        switch (target, difficulty) {
        case (nil, nil): return nil
        case (let hex?, nil):
            guard let target = readTarget(hex) else {
                throw ValidationError("--target takes 1 to 64 hexadecimal digits, not '\(hex)'")
            }
            return target
        case (nil, let number?):
            guard let target = Target(difficulty: number) else {
                throw ValidationError("--difficulty takes a number above zero, not \(number)")
            }
            return target
        case (_?, _?):
            throw ValidationError("--target and --difficulty are two names for one bound; give one")
        }
    }

    /// A failure at run time: status 1, with a sentence.
    private struct Failed: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

@Sendable private func headerFormat(_ name: String) throws -> HeaderFormat {
    guard let format = HeaderFormat(rawValue: name) else {
        throw ValidationError("headers are written as hex or raw, not '\(name)'")
    }
    return format
}

extension HeaderReport {
    fileprivate var line: String {
        var words = "\(hash.displayHex) difficulty \(difficulty) nBits \(bits.hex)"
        words += target == nil ? " (no valid target)" : ""
        words += meetsBits ? " met" : " NOT met"
        if let meetsAsked { words += meetsAsked ? ", target met" : ", target NOT met" }
        return words
    }

    fileprivate func jsonLine() throws -> String {
        struct Line: Encodable {
            let hash: String
            let difficulty: Double
            let bits: String
            let bitsTarget: String?
            let bitsDifficulty: Double?
            let meetsBits: Bool
            let meetsTarget: Bool?
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let line = Line(
            hash: hash.displayHex, difficulty: difficulty, bits: bits.hex, bitsTarget: target?.displayHex,
            bitsDifficulty: target?.difficulty, meetsBits: meetsBits, meetsTarget: meetsAsked)
        return String(decoding: try encoder.encode(line), as: UTF8.self)
    }
}

extension CompactTarget {
    fileprivate var hex: String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
