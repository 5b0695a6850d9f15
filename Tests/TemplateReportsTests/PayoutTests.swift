import BitcoinPrimitives
import Payouts
import Testing

@testable import TemplateReports

private let key = """
    xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH
    """

@Suite struct PayoutTests {
    private func build(_ payout: String, _ network: BitcoinNetwork? = nil) throws -> TemplateBuildOutcome {
        let folder = try Folder()
        return try buildTemplate(
            TemplateRequest(source: folder.table(somePool), payout: payout, network: network))
    }

    @Test func `a template says whom it pays, and of a descriptor with many addresses which index`() throws {
        let ranged = try build("wpkh([ffffffff/13h]\(key)/1/2/*)")
        // The first script of this descriptor in BIP 382.
        let address = try #require(
            PayoutAddress(
                script: [UInt8](hex: "0014326b2249e3a25d5dc60935f044ee835d090ba859") ?? [], on: .main))
        let line = try #require(ranged.lines.first { $0.hasPrefix("payout") })
        #expect(line.contains(address.text) && line.contains("index 0 of wpkh("))
        #expect(ranged.warnings.isEmpty)
        let single = try build("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
        #expect(
            single.lines.filter { $0.hasPrefix("payout") } == [
                "payout          bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
            ])
        let script = try build("raw(51)")
        #expect(script.lines.contains("payout          51"))
    }

    @Test func `an extended key without an index is used, with a warning`() throws {
        let outcome = try build("wpkh(\(key)/0)")
        #expect(outcome.warnings.contains { $0.contains("without /*") && $0.contains("/0/*") })
    }

    @Test func `a payout that cannot be used is named with its fault, and a secret is not`() throws {
        func said(_ payout: String, _ network: BitcoinNetwork) -> String {
            do throws(TemplateCommandFault) {
                let folder = try? Folder()
                let path = (try? folder?.table(somePool)) ?? ""
                _ = try buildTemplate(TemplateRequest(source: path, payout: payout, network: network))
                return ""
            } catch {
                return "\(error)"
            }
        }
        let testnet = said("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", .main)
        #expect(
            testnet.hasPrefix(
                "--payout \"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx\": it is an address of testnet"))
        #expect(said("raw(51)#00000000", .main).contains("write #"))
        #expect(said("\u{1b}[2J1A1z", .main).contains("\"[2J1A1z\""))
        let secret = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
        for form in [secret, "wpkh(\(secret))"] {
            let sentence = said(form, .main)
            #expect(sentence.contains("(not shown)") && !sentence.contains("L1aW4aub"))
        }
    }
}
