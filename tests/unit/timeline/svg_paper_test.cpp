#include "agent/timeline/svg_paper.hpp"

#include "agent/timeline/svg.hpp"
#include "tests/unit/timeline/scripted.hpp"

using namespace mxseal;
using namespace mxseal::timeline;

TEST_CASE("text becomes XML that says the same") {
    CHECK(xml_escaped("a < b & c > \"d\" 'e'") == "a &lt; b &amp; c &gt; &quot;d&quot; &#39;e&#39;");
    CHECK(xml_escaped("Schlüssel € 🔑") == "Schlüssel € 🔑");
    CHECK(xml_escaped("") == "");
}

TEST_CASE("what XML forbids, and what turns the direction of writing, becomes a question mark") {
    CHECK(xml_escaped(std::string_view("a\0b\x1b[2J\n\x7f", 9)) == "a?b?[2J??");
    CHECK(xml_escaped("\xc2\x85") == "??");                 // a control character of Latin-1
    CHECK(xml_escaped("\xff\xc0\xaf") == "???");            // no UTF-8
    CHECK(xml_escaped("\xe2\x80\xae" "live") == "???live"); // right-to-left override
    CHECK(xml_escaped("\xef\xbf\xbf") == "???");            // U+FFFF
    CHECK(xml_escaped("\xed\xa0\x80") == "???");            // half of a surrogate pair
    CHECK(xml_escaped("cut \xe2\x82") == "cut ??");
}

TEST_CASE("nothing that the log says can leave its element") {
    const std::string evil = "</text><script>alert(1)</script>]]>&\"'";
    Script script;
    script.add("2026-11-22T07:00:00Z", "host.halted", {}, evil);
    script.step(evil, Json(), evil);
    const auto svg = svg_of(script.draw("2026-11-22T07:10:00Z"));
    CHECK(svg.find("<script") == std::string::npos);
    CHECK(svg.find("&lt;script&gt;alert(1)") != std::string::npos);
    CHECK(svg.find("]]>") == std::string::npos);
}

TEST_CASE("a picture stands alone") {
    const auto svg = svg_of(scene("roll.json"));
    for (const char* outside : {"<script", "href", "@import", "<style", "<image", "foreignObject"}) CHECK(svg.find(outside) == std::string::npos);
    CHECK(svg.find("<title>mx1.example.org: its keys and TLSA records</title>") != std::string::npos);
}
