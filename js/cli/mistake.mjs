// A mistake that the person at the terminal can mend: its text is all that is printed.
export class Mistake extends Error {}
