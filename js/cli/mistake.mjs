// A mistake that the person at the terminal can mend: its text is all that is printed.
export class Mistake extends Error {}
/** In what was typed: commands that pay end with another exit code then. */
export class Misuse extends Mistake {}
