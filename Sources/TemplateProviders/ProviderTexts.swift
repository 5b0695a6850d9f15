import Glibc
public import ProviderTemplates
import Units

extension TemplateProviderEndpoint {
    /// A sentence for people: what, where, and what to do.
    public func sentence(for health: ProviderHealth) -> String {
        switch health {
        case .starting: "Asking the template provider at \(place)."
        case .following: "Following the template provider at \(place)."
        case .down(let trouble): "The template provider at \(place) \(words(for: trouble))"
        }
    }

    private func words(for trouble: ProviderTrouble) -> String {
        switch trouble {
        case .link(let failure): words(for: failure)
        case .stalled(.connection, let after): "does not answer: no connection within \(seconds(after))."
        case .stalled(.setup, let after):
            "has not answered SetupConnection for \(seconds(after)): is this a template provider's port?"
        case .stalled(.transactionData, let after):
            "has not sent a template's transactions within \(seconds(after)). Is it busy, or the line slow?"
        case .stalled(.sign, let after):
            "has not answered for \(seconds(after)): it hangs, or its machine is gone."
        case .refused(let errorCode): "refuses us: \(errorCode). Is this a template provider's port?"
        case .version(let version): "wants version \(version) of the protocol, where there is 2 only."
        case .noTemplate(let after):
            "has had no template for \(seconds(after)). Its node may still be loading or downloading the chain."
        case .garbage(let msgType, let error):
            "sent a message of type \(msgType) that cannot be read: \(error.words). Is it up to date?"
        case .badTemplate(let templateId, let defect):
            "offers template \(templateId), of which no block can be made: \(defect.words). Is it up to date?"
        case .badTip(let nBits):
            "names a tip whose nBits \(String(nBits, radix: 16)) stand for no target. Is it up to date?"
        case .mistrusted(let doubt):
            "says what does not hold together (\(doubt.words)), and was asked to begin anew. "
                + "Does it serve other clients too? It should serve this program only."
        case .outOfSync(let doubt):
            "says what does not hold together, again and again (\(doubt.words)). "
                + "It is left alone for now; does it serve other clients too?"
        case .contradiction(let templateId, let contradiction):
            "offers template \(templateId), which no node would take: \(contradiction.words). "
                + "It is left alone for now. Is its node of another chain than the one configured?"
        case .oldTip(let height, let known):
            "is behind: it offers a block of height \(height), and had one of height \(known) before. "
                + "Wait until its node has caught up."
        }
    }

    private func words(for failure: ProviderLinkFailure) -> String {
        switch failure {
        case .unknownHost: "is not found: no such host name."
        case .refused: "refuses the connection: does it run, and is the port right?"
        case .unreachable(let code), .failed(let code):
            "cannot be reached: \(String(cString: strerror(code)))."
        case .connectTimedOut: "does not answer: no connection within the time."
        case .handshakeTimedOut:
            "does not finish the handshake: is this the port for template distribution?"
        case .closedInHandshake: "closed the connection in the handshake: is this the right port?"
        case .notNoise:
            "does not speak the encryption of Stratum V2, or somebody in between changes what passes."
        case .wrongKey:
            "shows a certificate of another authority key: compare it with the one that it prints."
        case .certificateInFuture(let seconds):
            "shows a certificate that begins in \(seconds) s: is the clock of this machine right?"
        case .certificateExpired(let seconds):
            "shows a certificate that ended \(seconds) s ago: is the clock of this machine right?"
        case .certificateVersion(let version): "shows a certificate of the unknown version \(version)."
        case .closed: "closed the connection. Has it stopped?"
        case .undecipherable: "sent something that does not decrypt: damaged, forged or repeated."
        case .oversized(let msgType, let length, let limit):
            "announces \(length) bytes in a message of type \(msgType), where \(limit) are allowed."
        case .tooSlow: "sends or takes too slowly what was begun."
        }
    }

    private func seconds(_ time: Duration) -> String {
        let tenths = Int(time.inSeconds * 10)
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
