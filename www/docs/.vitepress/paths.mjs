// The pages, by who needs them: the sidebar, the home page and the test that no page is forgotten are made from this list.
// A new page is one line here. Each has one place; the first of a path is where it begins.
export const PATHS = [
  {
    title: "Readers",
    about: "What the card asks for, what you sign, and what to do when something goes wrong.",
    pages: [["reader", "Reading and paying"]],
  },
  {
    title: "Publishers",
    about: "Put the Worker in front of your site, and sell single articles.",
    pages: [
      ["publisher", "Selling articles"], ["start", "From nothing to a first 402"], ["deploy", "By a button"], ["configuration", "Configuration"],
      ["teaser", "Teasers"], ["element", "The card and its elements"], ["offers", "More than one article"], ["subscribers", "Readers who already pay"],
      ["given", "Given away"], ["revocation", "Taking access back"], ["refunds", "Sending a payment back"],
      ["screening", "Accounts that may not pay"], ["crawlers", "Crawlers and agents"], ["desk", "The desk"], ["alerts", "Alerts"], ["books", "The books"],
      ["static", "Static pages"], ["hugo", "Hugo"], ["next", "Next"], ["wordpress", "WordPress"], ["ghost", "Ghost"],
    ],
  },
  {
    title: "Programs that pay",
    about: "A fetch that pays any x402 server within a budget, from a script, an agent or an assistant.",
    pages: [
      ["agent", "Paying for a page"], ["client", "The client"], ["client-api", "Every function and type"], ["payments", "What can happen to a payment"],
      ["erasure", "Your records, and erasing them"],
      ["problems", "Problems"], ["extensions", "Extensions"], ["conformance", "Who pays whom"],
    ],
  },
  {
    title: "Operators",
    about: "Run it: what it says, what it costs, what it withstands.",
    pages: [
      ["operator", "Keeping it running"], ["worker", "In a Worker of your own"], ["operations", "Log, figures, health"], ["releases", "Releases and upgrades"], ["limits", "Limits"],
      ["privacy", "What is stored"],
      ["direct", "Without a facilitator"], ["ledger", "The ledger"], ["threats", "Threat model"], ["cost", "What it costs"], ["platform", "What was tried"],
    ],
  },
];
