#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
lwip.py - lwIP's mutable globals become members of an instance; and what we mend in it.

    lwip.py transform SRC OUT   copy SRC (lwIP's src/) to OUT, rewritten
    lwip.py layout NM.txt       `nm -S` of the first pass -> offsets as a header
    lwip.py check NM.txt        fail if a mutable symbol is left

lwIP keeps its state in global variables. Every network namespace, and later every shard of
one, needs a set of its own, so each variable NAME becomes LWI(q): the member q of the block
that the running thread points to (net/port/instance.h). q is lwi_NAME for an extern,
lwi_FILE_NAME for a static of a file and lwi_FUNCTION_NAME for one of a function.

A definition turns into a declaration of q, which keeps its type for typeof(), and where there
is an initialiser also into a constant image and a record of it, for whoever makes an instance.
The source is compiled twice: in the first pass q is a variable, so that nm can tell sizes,
from which `layout` makes offsets; in the second no q is defined anywhere, so that a name that
was missed does not compile or link, and one that was wrongly hit is a syntax error.

Rules name symbols, never lines: an update of the package either fits them or says which does not.
"""
import os
import re
import shutil
import sys

# FILE: NAME, FUNCTION:NAME (static of a function), NAME@ (its initialiser holds addresses of members).
RULES = """
core/ip.c: ip_data
core/netif.c: netif_list netif_default netif_num netif_client_id ext_callback loop_netif
core/pbuf.c: pbuf_free_ooseq_pending
core/raw.c: raw_pcbs
core/stats.c: lwip_stats
core/tcp.c: tcp_port tcp_ticks tcp_bound_pcbs tcp_listen_pcbs tcp_active_pcbs tcp_tw_pcbs tcp_pcb_lists@
core/tcp.c: tcp_active_pcbs_changed tcp_timer tcp_timer_ctr tcp_next_iss:iss tcp_ext_arg_id
core/tcp_in.c: inseg tcphdr tcphdr_optlen tcphdr_opt1len tcphdr_opt2 tcp_optidx seqno ackno recv_acked
core/tcp_in.c: tcplen flags recv_flags recv_data tcp_input_pcb
core/udp.c: udp_port udp_pcbs
core/ipv4/igmp.c: allsystems allrouters
core/ipv4/ip4.c: ip_id ip4_default_multicast_netif
core/ipv4/ip4_addr.c: ip4addr_ntoa:str
core/ipv4/ip4_frag.c: reassdatagrams ip_reass_pbufcount
core/ipv6/ip6_addr.c: ip6addr_ntoa:str
core/ipv6/ip6_frag.c: reassdatagrams ip6_reass_pbufcount ip6_frag:identification
core/ipv6/nd6.c: neighbor_cache destination_cache default_router_list prefix_list reachable_time
core/ipv6/nd6.c: retrans_timer nd6_queue_size nd6_cached_destination_index multicast_address
core/ipv6/nd6.c: nd6_tmr_rs_reduction nd6_ra_buffer nd6_select_router:last_router
"""

# What we change: (file, pattern, replacement, how often). The last five are wrong in this version and
# mended upstream since.
FIXES = [
    # Ten segments to begin with (RFC 6928).
    ("core/tcp_in.c", r"(#define LWIP_TCP_CALC_INITIAL_CWND\(mss\)) .*", r"\1 ((tcpwnd_size_t)(10 * (mss)))", 1),
    # The window opens in steps of a segment, or of half the receive buffer where that is smaller.
    ("core/tcp.c", r"LWIP_MIN\(\(TCP_WND / 2\), pcb->mss\)", r"inet_tcp_window_step(pcb)", 1),
    # A segment may be another instance's.
    ("core/ipv4/ip4.c", r"(\n\s*)(tcp_input\(p, inp\);)", r"\1if (!inet_tcp_elsewhere(p, inp)) \2", 1),
    # A segment's connection or listener is found by hash: each loop looks at that one alone.
    ("core/tcp_in.c", r"for \(pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next\)",
     r"for (pcb = inet_tcp_find(tcphdr, 0); pcb != NULL; pcb = NULL)", 1),
    ("core/tcp_in.c", r"for \(pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next\)",
     r"for (pcb = inet_tcp_find(tcphdr, 1); pcb != NULL; pcb = NULL)", 1),
    ("core/tcp_in.c", r"for \(lpcb = tcp_listen_pcbs.listen_pcbs; lpcb != NULL; lpcb = lpcb->next\)",
     r"for (lpcb = inet_tcp_listener(tcphdr); lpcb != NULL; lpcb = NULL)", 1),
    # Lists of control blocks are doubly linked, and net/inet/tcp_table.c's.
    ("include/lwip/tcp.h", r"(  type \*next;) [^\n]*", r"\1 type **pprev; \\", 1),
    ("include/lwip/priv/tcp_priv.h", r"(#define TCP_REG_ACTIVE\(npcb\))",
     r"#undef TCP_REG\n#undef TCP_RMV\n#define TCP_REG(pcbs, npcb) inet_tcp_list(pcbs, npcb)\n"
     r"#define TCP_RMV(pcbs, npcb) inet_tcp_unlist(pcbs, npcb)\n\1", 1),
    ("core/tcp.c", r"(?s)/\* Remove PCB from (tcp_\w+_pcbs) list\. \*/\s*"
     r"if \(prev != NULL\) \{.*?\} else \{.*?\n      \}", r"pcb2 = pcb->next; TCP_RMV(&\1, pcb); pcb->next = pcb2;", 2),
    # What waits for nothing but its peer is not looked at by timers, nor is TIME_WAIT.
    ("core/tcp.c", r"(\n          tcp_output\(prev\);)", r"\1 inet_tcp_rest(prev);", 1),
    ("core/tcp.c", r"(\n  pcb = )tcp_tw_pcbs;", r"\1NULL;", 1),
    ("core/tcp.c", r"(\n    tcp_netif_ip_addr_changed_pcblist\(old_addr, tcp_active_pcbs\);)",
     r"\n    inet_tcp_rise_all();\1", 1),
    # What a small window held back may be acknowledged before it was sent again: no probes for nothing.
    ("core/tcp.c", r"(\n      )(if \(pcb->persist_backoff > 0\) \{)",
     r"\1if (pcb->unsent == NULL) { pcb->persist_backoff = 0; }\1\2", 1),
    # A retransmission waits for two minutes at most, as Linux's; not for hours.
    ("core/tcp.c", r"LWIP_MIN\(calc_rto, 0x7FFF\)", r"LWIP_MIN(calc_rto, 120000 / TCP_SLOW_INTERVAL)", 1),
    # Both ends may begin at once (RFC 9293, 3.5): a SYN that crosses ours is answered, and
    # acknowledged by the peer's answer to ours.
    ("core/tcp_in.c", r"(/\* received ACK\? possibly a half-open connection \*/\n      )"
     r"(else if \(flags & TCP_ACK\))",
     r"\1else if (flags & TCP_SYN && !(flags & TCP_ACK)) { pcb->rcv_nxt = pcb->rcv_ann_right_edge = seqno + 1; "
     r"pcb->snd_wnd = pcb->snd_wnd_max = tcphdr->wnd; pcb->snd_wl1 = seqno - 1; pcb->state = SYN_RCVD; "
     r"pcb->mss = tcp_eff_send_mss(pcb->mss, &pcb->local_ip, &pcb->remote_ip); tcp_rexmit(pcb); }\n      \2", 1),
    ("core/tcp_in.c", r"(case SYN_RCVD:\s*if \()(flags & TCP_SYN)\)",
     r"\1(\2) && !((flags & TCP_ACK) && ackno == pcb->snd_nxt && !pcb->listener))", 1),
    ("core/tcp_in.c", r"(/\* listen pcb might be closed by now \*/\s*err = ERR_VAL;)",
     r"\1 if (pcb->connected) { TCP_EVENT_CONNECTED(pcb, ERR_OK, err); }", 1),
    # An ICMP error is of 576 bytes at most, and quotes what it can (RFC 1812, 4.3.2.3).
    ("core/ipv4/icmp.c", r"(#define ICMP_DEST_UNREACH_DATASIZE) 8", r"\1 528", 1),
    # A segment that the window has no room for is cut, not kept until a timer runs out.
    ("core/tcp_out.c", r"(wnd = LWIP_MIN\(pcb->snd_wnd, pcb->cwnd\);)", r"\1 inet_tcp_fit(pcb, wnd);", 1),
    ("core/tcp.c", r"tcp_split_unsent_seg\(pcb", r"inet_tcp_split(pcb", 1),
    ("core/tcp_out.c", r"static (struct tcp_seg \*\s*tcp_create_segment\()", r"\1", 1),
    ("include/lwip/priv/tcp_priv.h", r"(err_t tcp_split_unsent_seg\()",
     r"struct tcp_seg *tcp_create_segment(const struct tcp_pcb *pcb, struct pbuf *p, u8_t hdrflags, u32_t seqno, "
     r"u8_t optflags); \1", 1),
    # Of UDP sockets that share a port each gets a part.
    ("core/udp.c", r'(#include "lwip/udp.h")', r"\1\n#include LWIP_HOOK_FILENAME", 1),
    ("core/udp.c", r"pcb = uncon_pcb;", r"pcb = inet_udp_share(uncon_pcb, src);", 1),
    # A socket's options say how long is tried, how long FIN_WAIT2 lasts, how long a segment is.
    ("core/tcp.c", r"pcb->state == SYN_SENT && pcb->nrtx >= TCP_SYNMAXRTX", r"inet_tcp_gives_up(pcb)", 1),
    ("core/tcp.c", r"TCP_FIN_WAIT_TIMEOUT / TCP", r"inet_tcp_fin_wait_ms(pcb) / TCP", 1),
    ("core/tcp_in.c", r"(n?pcb)->mss = (tcp_eff_send_mss\(.*?\));", r"\1->mss = inet_tcp_max_segment(\1, \2);", 3),
    ("core/tcp_out.c", r"mss = (tcp_eff_send_mss_netif\(TCP_MSS, netif, .*?\));",
     r"mss = inet_tcp_max_segment(pcb, \1);", 1),
    # Of one that is lost only as much is sent again as the peer takes at a time.
    ("core/tcp_out.c", r"(\n  seg = pcb->unacked;\s*/\* Give up if the segment is still referenced)",
     r" inet_tcp_resend(pcb);\1", 1),
    # A segment points at the urgent byte while that is on its way, and goes without delay.
    ("include/lwip/priv/tcp_priv.h", r"\(TF_NODELAY \| TF_INFR\)", r"(TF_NODELAY | TF_INFR | TF_URGENT)", 1),
    ("core/tcp_out.c", r"(\n  seg->tcphdr->chksum = 0;)",
     r"\1 if (pcb->flags & TF_URGENT) inet_tcp_urge(pcb, seg->tcphdr, seg->len);", 1),
    ("core/tcp_out.c", r"(pcb->snd_nxt = snd_nxt;\s*\})(\s*tcp_output_fill_options)",
     r"\1 if (pcb->flags & TF_URGENT) inet_tcp_urge(pcb, tcphdr, len);\2", 1),
    # Segments may be larger than the peer's: they are cut below the stack, which makes their checksums, too.
    ("core/tcp_out.c", r"mss_local = LWIP_MIN\(pcb->mss, TCPWND_MIN16\(pcb->snd_wnd_max / 2\)\);",
     r"mss_local = inet_tcp_segment_size(pcb);", 1),
    ("core/tcp_out.c", r'LWIP_ASSERT\("mss_local is too small", [^;]*;', r"", 1),
    ("core/tcp_out.c", r"space = (mss_local - (\(last_unsent->len \+ unsent_optlen\)));",
     r"space = mss_local > \2 ? \1 : 0;", 1),
    ("core/tcp_out.c", r"err = ip_output_if\((seg->p|p), ", r"inet_tcp_sends(\1, pcb); err = ip_output_if(\1, ", 2),
    ("core/ipv4/ip4.c", r"if \((netif->mtu && \(p->tot_len > netif->mtu\))\)",
     r"if (!(p->flags & PBUF_FLAG_TCP) && \1)", 2),
    ("core/ipv6/ip6.c", r"if \((netif_mtu6\(netif\) && \(p->tot_len > [^{]*)\) \{",
     r"if (!(p->flags & PBUF_FLAG_TCP) && \1) {", 1),
    ("core/ipv6/nd6.c", r"(p = pbuf_clone\(PBUF_LINK, PBUF_RAM, q\);)",
     r"\1 if (p) p->flags |= q->flags & PBUF_FLAG_TCP;", 2),
    # Who has verified a checksum says so with the packet.
    ("core/tcp_in.c", r"IF__NETIF_CHECKSUM_ENABLED\(inp, NETIF_CHECKSUM_CHECK_TCP\)",
     r"if (!(p->flags & PBUF_FLAG_SOUND)) IF__NETIF_CHECKSUM_ENABLED(inp, NETIF_CHECKSUM_CHECK_TCP)", 1),
    ("core/udp.c", r"IF__NETIF_CHECKSUM_ENABLED\(inp, NETIF_CHECKSUM_CHECK_UDP\)",
     r"if (!(p->flags & PBUF_FLAG_SOUND)) IF__NETIF_CHECKSUM_ENABLED(inp, NETIF_CHECKSUM_CHECK_UDP)", 1),
    ("core/tcp_in.c", r"ip_chksum_pseudo\(p, IP_PROTO_TCP, p->tot_len,\s*ip_current_src_addr\(\), "
     r"ip_current_dest_addr\(\)\)", r"lwip_tcp_verify(p)", 1),
    ("core/ipv4/ip4.c", r"inet_chksum\((iphdr, (?:iphdr|ip)_hlen)\)", r"lwip_ip4_sum(\1)", 3),
    # What is found by its ends need not be compared once more.
    ("core/tcp_in.c", r"pcb->remote_port == tcphdr->src &&\s*pcb->local_port == tcphdr->dest &&\s*"
     r"ip_addr_eq\(&pcb->remote_ip, ip_current_src_addr\(\)\) &&\s*"
     r"ip_addr_eq\(&pcb->local_ip, ip_current_dest_addr\(\)\)", r"1", 2),
    # Most machines have no raw socket: no packet is looked at for them.
    ("core/raw.c", r"(u8_t broadcast = ip_addr_isbroadcast\(ip_current_dest_addr\(\), ip_current_netif\(\)\);)",
     r"if (raw_pcbs == NULL) return RAW_INPUT_NONE;\n  \1", 1),
    # All of 127.0.0.0/8 is this machine.
    ("core/ipv4/ip4.c", r"if \(ip4_addr_eq\(ip4_current_dest_addr\(\), netif_ip4_addr\(netif\)\) \|\|",
     r"if (ip4_addr_eq(ip4_current_dest_addr(), netif_ip4_addr(netif)) || "
     r"inet_accepts4(netif, ip4_current_dest_addr()) ||", 1),
    # An error comes from the address that its cause was for; and whatever address of ours that is.
    ("core/ipv4/icmp.c", r"ip4_output_if\(q, NULL, &iphdr_src", r"ip4_output_if(q, inet_asked4(), &iphdr_src", 1),
    ("core/udp.c", r"for_us = ip4_addr_eq\(netif_ip4_addr\(inp\), ip4_current_dest_addr\(\)\);",
     r"for_us = inet_asked4() != NULL;", 1),
    # A path's MTU is told to be less than IPv6's least: fragments of nothing, for ever (RFC 8201, 4).
    ("core/ipv6/nd6.c", r"(pmtu = lwip_htonl\(icmp6hdr->data\);)",
     r"\1 if (pmtu < IP6_MIN_MTU_LENGTH) { pbuf_free(p); return; }", 1),
    # Fragmenting for IPv6 takes the packet apart, but TCP keeps it to send it again: a copy is cut.
    ("core/ipv6/ip6.c", r"return ip6_frag\(p, netif, dest\);",
     r"struct pbuf *cut = IP6H_NEXTH((struct ip6_hdr *)p->payload) == IP6_NEXTH_TCP ? "
     r"pbuf_clone(PBUF_LINK, PBUF_RAM, p) : p; err_t cut_err; if (cut == NULL) return ERR_MEM; "
     r"cut_err = ip6_frag(cut, netif, dest); if (cut != p) pbuf_free(cut); return cut_err;", 1),
    # An option's length byte is read without asking whether there is one (3d896ba0).
    ("core/tcp_in.c", r"(u16_t optidx = tcp_optidx\+\+;)", r"\1 if (optidx >= tcphdr_optlen) return 0;", 1),
    # A link-layer address is copied out of an option that is not there, or empty (8e75a40a).
    ("core/ipv6/nd6.c", r"if \((p->len < \(sizeof\(struct (\w+)\) \+ \(lladdr_opt->length << 3\)\))\)",
     r"if (p->len < sizeof(struct \2) + 8 || !lladdr_opt->length || \1)", 4),
    # A datagram of fragments is given up before it had its first (56b29f8b).
    ("core/ipv4/ip4_frag.c", r"iprh = (\(struct ip_reass_helper \*\)ipr->p->payload;)\s*if \(",
     r"iprh = !ipr->p ? NULL : \1 if (iprh && ", 1),
    ("core/ipv6/ip6_frag.c", r"iprh = (\(struct ip6_reass_helper \*\)ipr->p->payload;)\s*if \(",
     r"iprh = !ipr->p ? NULL : \1 if (iprh && ", 1),
]

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DEFINE = re.compile(r"^[ \t]*#[ \t]*define\b(?:[^\n]*\\\n)*[^\n]*", re.M)


def die(*words):
    sys.exit("lwip.py: " + " ".join(map(str, words)))


class Source:
    """A file's text, and its code: the same with comments and strings blanked, place by place."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="latin-1") as file:
            self.set(file.read())

    def set(self, text):
        self.text = text
        self.code = NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)

    def edit(self, edits):
        """Apply (start, end, new text), none of which overlap."""
        out, at = [], 0
        for start, end, new in sorted(edits):
            if start < at:
                die(self.path, "overlapping edits near", self.text[start:end])
            out += [self.text[at:start], new]
            at = end
        self.set("".join(out) + self.text[at:])

    def uses(self, name, new, span=None):
        """Edits that put `new` for each token NAME that is not a member access."""
        start, end = span or (0, len(self.code))
        token = re.compile(r"(?<![\w.])(?<!->)\b%s\b" % name)
        return [(m.start(), m.end(), new) for m in token.finditer(self.code, start, end)]

    def function(self, name):
        """Where the body of a function is."""
        heads = list(re.finditer(r"^(?:[A-Za-z_][\w \t*]*[\s*])?%s\([^;{]*\)\s*\{" % name, self.code, re.M))
        if len(heads) != 1:
            die(self.path, name, "function found", len(heads), "times")
        return heads[0].end(), self.code.index("\n}", heads[0].end())

    def split_declarators(self):
        """`static T a, b;` becomes two statements."""
        pairs = re.finditer(r"^(static\s+\w+\s+)(\w+),\s*(\w+);", self.code, re.M)
        self.edit([(m.start(), m.end(), f"{m[1]}{m[2]};\n{m[1]}{m[3]};") for m in pairs])


def definition(source, name, member, span, has_addresses, in_function):
    """Turn the definition of NAME into a declaration of `member`. True: it was static to its file."""
    pattern = re.compile(
        r"^(?P<indent>%s)(?P<static>static\s+)%s(?P<type>(?:(?:struct|union|const|volatile)\s+)*\w+"
        r"(?:\s*\*+(?:\s*const\b)?\s*|\s+))%s(?P<array>(?:\[[^\]]*\])*)\s*(?:=(?P<init>[^;]*))?;"
        % (r"[ \t]+" if in_function else "", "" if in_function else "?", name), re.M)
    hits = list(pattern.finditer(source.code, *span))
    if len(hits) != 1:
        die(source.path, name, "definition found", len(hits), "times")
    hit = hits[0]
    array, init = hit["array"], hit["init"]
    if array == "[]":
        array = "[%d]" % (init.count(",") + 1)
    new = f"{hit['indent']}{'LWI_LOCAL' if in_function else 'LWI_VAR'} {hit['type']}{member}{array};"
    if init is not None:
        if has_addresses:
            init = re.sub(r"&(?:LWI\(lwi_)?(\w+)\)?", r"&LWI_RELATIVE(lwi_\1)", init)
        kind = hit["type"] if "const" in hit["type"] else "const " + hit["type"]
        new += f" static {kind}{member}_image{array} ={init.rstrip()}; LWI_RECORD({member}, {int(has_addresses)});"
    # As many lines as before, so that messages of the compiler still fit the package's source.
    source.edit([(hit.start(), hit.end(), new + "\n" * (hit.group().count("\n") - new.count("\n")))])
    return bool(hit["static"])


def rewrite_extern(files, own, name, member):
    """Header declarations and every use outside its own file. The number of uses."""
    uses = declared = 0
    for path, source in files.items():
        if source is own:
            continue
        if path.endswith(".h"):
            declarations = list(re.finditer(r"^[ \t]*extern\b([^;]*)\b%s\b([^;]*);" % name, source.code, re.M))
            declared += len(declarations)
            source.edit([(m.start(), m.end(), f"LWI_EXTERN{m[1]}{member}{m[2]};") for m in declarations])
            edits = [e for m in DEFINE.finditer(source.code) for e in source.uses(name, f"LWI({member})", m.span())]
        else:
            edits = source.uses(name, f"LWI({member})") if path.startswith("core/") else []
        source.edit(edits)
        uses += len(edits)
    if declared != 1:
        die(own.path, name, "declared in headers", declared, "times")
    return uses


def apply_rule(files, path, rule):
    """One name. The number of uses rewritten."""
    match = re.fullmatch(r"(?:(\w+):)?(\w+)(@?)", rule)
    function, name, has_addresses = match[1], match[2], match[3] == "@"
    own, stem = files[path], os.path.basename(path)[:-2]

    def span():
        return own.function(function) if function else (0, len(own.code))

    static = bool(function or re.search(r"^static\b[^;{}()]*\b%s\b[^;()]*;" % name, own.code, re.M))
    member = f"lwi_{function or stem}_{name}" if static else f"lwi_{name}"
    if definition(own, name, member, span(), has_addresses, bool(function)) != static:
        die(path, name, "is it static or not?")
    edits = own.uses(name, f"LWI({member})", span())
    own.edit(edits)
    uses = len(edits) + (0 if static else rewrite_extern(files, own, name, member))
    if not uses:
        die(path, name, "no use found")
    return uses


def apply_fix(files, path, pattern, new, times):
    source = files[path]
    text, found = re.subn(pattern, new, source.text)
    if found != times:
        die(path, "fix found its place", found, "times, not", times, ":", pattern)
    source.set(text)


def transform(src, out):
    shutil.rmtree(out, ignore_errors=True)
    for folder in ("core", "include"):
        shutil.copytree(os.path.join(src, folder), os.path.join(out, folder))
    files = {}
    for root, _, names in os.walk(out):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(root, name)
                files[os.path.relpath(path, out)] = Source(path)
    for fix in FIXES:
        apply_fix(files, *fix)
    rules = uses = 0
    for line in RULES.strip().splitlines():
        path, names = line.split(":", 1)
        files[path].split_declarators()
        for rule in names.split():
            uses += apply_rule(files, path, rule)
            rules += 1
    for source in files.values():
        with open(source.path, "w", encoding="latin-1") as file:
            file.write(source.text)
    print(f"{rules} variables, {uses} uses, {len(FIXES)} fixes", file=sys.stderr)


def symbols(path):
    """(name, type letter, size) of each line of `nm -S`."""
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) >= 4 and len(words[2]) == 1:
                yield words[3], words[2], int(words[1], 16)
            elif len(words) == 3 and len(words[1]) == 1:
                yield words[2], words[1], 0


def layout(path):
    """Offsets, the smallest members first: most of them lie within reach of one instruction."""
    sizes = {}
    for name, kind, size in symbols(path):
        match = re.search(r"(?:^|\.)(lwi_\w+)", name)  # gcc: lwi_x.0 for a local, clang: function.lwi_x
        if match and kind in "bBdDsSgGrR" and not match[1].endswith(("_image", "_record")):
            if sizes.setdefault(match[1], size) != size:
                die(match[1], "has two sizes")
    if not sizes:
        die("no member found in", path)
    print("/* Generated by scripts/lwip.py. */\n#pragma once")
    offset = 0
    for name, size in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        align = 8 if size >= 8 else 4 if size > 2 else size
        offset = -(-offset // align) * align
        print(f"#define LWI_OFFSET_{name} {offset}\n#define LWI_SIZE_{name} {size}")
        offset += size
    print(f"#define LWI_BLOCK_SIZE {-(-offset // 16) * 16}")


def check(path):
    left = [name for name, kind, _ in symbols(path) if kind in "bBdDsSgGcC"]
    if left:
        die("mutable symbols are left:", *left)


def main():
    commands = {("transform", 2): transform, ("layout", 1): layout, ("check", 1): check}
    command = commands.get((sys.argv[1] if len(sys.argv) > 1 else "", len(sys.argv) - 2))
    if not command:
        die(__doc__)
    command(*sys.argv[2:])


if __name__ == "__main__":
    main()
