"""The inputs form: drawn from the fields, checked on sending, each problem said beside its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import fields
from ui.browser import by_id, clear, listen, make, matches, show

if TYPE_CHECKING:
    from ui.fields import Field


class Form:
    """Draws the inputs of a flow and reads them back."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self.fields = fields.read(schema)
        self._form = by_id("inputs")
        self._controls: dict[str, Any] = {}
        self._wrong: dict[str, Any] = {}
        clear(self._form)
        listen(self._form, "submit", lambda event: event.preventDefault())
        if not self.fields:
            self._form.appendChild(make("p", "This flow takes no inputs.", "quiet"))
        for field in self.fields:
            self._form.appendChild(self._draw(field))

    def fill(self, inputs: dict[str, Any]) -> None:
        """Put values into the form, and the flow's own where there is none; secrets are never filled in."""
        for field in self.fields:
            if field.kind != "secret":
                value = inputs.get(field.name, field.default)
                _put(self._controls[field.name], field, value)

    def read(self) -> dict[str, Any] | None:
        """Return the inputs; None where something is wrong, which the form then says."""
        texts = {field.name: self._text(field) for field in self.fields}
        inputs, problems = fields.collect(self.fields, texts, matches)
        self.tell(problems)
        return None if problems else inputs

    def tell(self, problems: dict[str, str]) -> None:
        """Say what is wrong, by JSON pointer, beside each field, and go to the first."""
        first = None
        for field in self.fields:
            problem = problems.get(field.pointer, "")
            control, wrong = self._controls[field.name], self._wrong[field.name]
            wrong.textContent = problem
            show(wrong, bool(problem))
            if problem:
                control.setAttribute("aria-invalid", "true")
                first = first or control
            else:
                control.removeAttribute("aria-invalid")
        if first is not None:
            first.focus()

    def _text(self, field: Field) -> str:
        control = self._controls[field.name]
        if field.kind == "boolean":
            return "true" if control.checked else "false"
        return str(control.value)

    def _draw(self, field: Field) -> Any:
        id = f"input-{field.name}"
        box = make("div", cls=f"field {field.kind}")
        label = make("label", field.label, for_=id)
        if not field.may_be_empty and field.kind != "boolean":
            label.appendChild(make("span", " needed", "needed"))
        control = self._control(field, id)
        told = []
        parts = (control, label) if field.kind == "boolean" else (label, control)
        for part in parts:
            box.appendChild(part)
        if field.description:
            box.appendChild(make("p", field.description, "quiet", id=f"{id}-about"))
            told.append(f"{id}-about")
        wrong = make("p", "", "wrong", id=f"{id}-wrong")
        show(wrong, False)
        box.appendChild(wrong)
        told.append(f"{id}-wrong")
        control.setAttribute("aria-describedby", " ".join(told))
        self._controls[field.name] = control
        self._wrong[field.name] = wrong
        return box

    def _control(self, field: Field, id: str) -> Any:
        if field.kind == "choice":
            control = make("select", id=id, name=field.name)
            if field.nullable or field.default is None:
                control.appendChild(make("option", "Not set" if field.nullable else "", value=""))
            for choice in field.choices:
                control.appendChild(make("option", _choice_text(field, choice), value=field.text_of(choice)))
        elif field.kind == "json":
            control = make("textarea", id=id, name=field.name, rows="3", spellcheck="false")
        else:
            control = make("input", id=id, name=field.name, type=_TYPES[field.kind])
            control.setAttribute("autocomplete", "new-password" if field.kind == "secret" else "off")
            if field.kind == "number":
                control.setAttribute("step", "any")
            if field.kind in ("url", "text"):
                control.setAttribute("spellcheck", "false")
        if not field.may_be_empty and field.kind != "boolean":
            control.setAttribute("aria-required", "true")
        if field.when_empty:
            control.setAttribute("placeholder", field.when_empty)
        if field.kind != "secret":
            _put(control, field, field.default)
        return control


def _put(control: Any, field: Field, value: Any) -> None:
    if field.kind == "boolean":
        control.checked = bool(value)
    else:
        control.value = field.text_of(value)


def _choice_text(field: Field, choice: Any) -> str:
    if isinstance(choice, bool):
        return "Yes" if choice else "No"
    return field.text_of(choice)


_TYPES = {
    "text": "text",
    "url": "url",
    "secret": "password",
    "number": "number",
    "integer": "number",
    "boolean": "checkbox",
}
