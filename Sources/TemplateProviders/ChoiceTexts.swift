import BitcoinPrimitives
import ProviderTemplates
import TemplateBuilding
import TemplatePolicies
import Units

extension TemplateProviderEndpoint {
    /// A sentence for people: why others are preferred for so long.
    func sentence(for offence: ProviderOffence, _ rest: Duration, places: [String]) -> String {
        let end = "Others are preferred for \(Int(rest.inSeconds.rounded())) s."
        return switch offence {
        case .lost: "The template provider at \(place) was lost. \(end)"
        case .lied: "The template provider at \(place) is not to be relied on. \(end)"
        case .tipWithoutWork(let hash):
            "The template provider at \(place) names a tip that shows too little work for this chain "
                + "(\(hash.displayHex)). Is its node of another chain? \(end)"
        case .promisesMore(let more, let other):
            "The template provider at \(place) promises \(more.rawValue) sat more for the same transactions than the "
                + "one at \(places[other]): such a block would be invalid, or the other one gives money away. \(end)"
        }
    }

    /// A sentence for people: why a template is not mined.
    func sentence(for refusal: ProviderRefusal, of id: ProviderTemplateID) -> String {
        let template = "Template \(id.templateId) of the provider at \(place) is not used: "
        return switch refusal {
        case .plan(let fault): "\(template)\(fault.words)."
        case .policy(.holds(let txid, let match)):
            "\(template)\(match.path) excludes \(txid.hash.displayHex), which it holds."
        case .policy(.lacks(let txid, let path)):
            "\(template)\(path) asks for \(txid.hash.displayHex), which it lacks."
        case .policy(.paysTooLittle(let txid, let fee, _, let path)):
            "\(template)\(txid.hash.displayHex) pays \(fee.rawValue) sat, less than \(path) asks for."
        case .strangeOutputs:
            "\(template)its outputs do not end with the witness commitment. Is the provider up to date?"
        }
    }
}

extension FinishedTemplateFault {
    /// As half a sentence.
    var words: String {
        switch self {
        case .unknownSubsidy: "what the chain's subsidy is was not configured"
        case .lessThanSubsidy(let value, let subsidy):
            "it leaves us \(value.rawValue) sat, where the subsidy alone is \(subsidy.rawValue); is its node of another chain?"
        case .coinbase(.noOutput): "the payout names no output"
        case .coinbase(.exceedsReward(_, let value, let left)):
            "a fixed output asks for \(value.rawValue) sat, where \(left.rawValue) are left"
        case .coinbase(.rewardOutOfRange): "its value is more than there is"
        case .coinbase(.tagTooLong(let count, let room)):
            "the tag has \(count) bytes, where \(room) have room"
        case .coinbase(.extranonceTooLong(let count, let room)):
            "the extranonce has \(count) bytes, where \(room) have room"
        case .scriptTooLong(let count):
            "height, tag and extranonce take \(count) bytes, of 100; shorten the tag"
        case .tooHeavy(let weight):
            "with our outputs the block weighs \(weight.weightUnits) units; the provider has not left the room it was asked for"
        case .tooManySigops(let count): "with our outputs its signature operations cost \(count), of 80,000"
        case .sigopsWithoutReserve(let count, let reserve):
            "our outputs' signature operations cost \(count), where nodes keep \(reserve) free; pay to witness programs"
        }
    }
}
