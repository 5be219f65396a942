// A control for every setting of an app, in groups, each with what it allows and the refusal that names it.

import { freshId, h, setAttr, setText } from '../dom.js';
import { allowedWords, settingText, settingValue, valueWords } from '../settings-model.js';
import { errorLine, prose } from './controls.js';

/** `changed(path, value)` runs with every valid entry, `wrong()` with every other. */
export function settingsForm({ fields, changed, wrong }) {
	const rows = fields.map((field) => [field, settingRow(field, changed, wrong)]);
	const groups = new Map();
	for (const [{ group }, row] of rows) groups.set(group?.name, [...(groups.get(group?.name) ?? []), [group, row]]);
	return {
		element: h(
			'div.settings',
			{},
			[...groups.values()].map((members) => {
				const [group] = members[0];
				return h(
					'fieldset.settings-group',
					{},
					h('legend', {}, group?.title ?? 'Clients, hosts and drains'),
					group?.description ? h('p.quiet', {}, prose(group.description)) : null,
					h(
						'div.settings-fields',
						{},
						members.map(([, row]) => row.element),
					),
				);
			}),
		),
		/** Shows these values, except where somebody is typing. */
		show(valueOf) {
			for (const [field, row] of rows) row.show(valueOf(field.path));
		},
		isWrong: () => rows.some(([, row]) => row.isWrong()),
		/** Puts a refusal beside the setting it names, `hosts[1]` or `health.fall`; false when there is none of that name. */
		refuse(path, message) {
			for (const [, row] of rows) row.refuse('');
			const found = rows.find(([field]) => path === field.path || path?.startsWith(`${field.path}[`));
			found?.[1].refuse(message);
			return Boolean(found);
		},
		setDisabled(why) {
			for (const [, row] of rows) row.setDisabled(why);
		},
	};
}

function settingRow(field, changed, wrong) {
	const id = freshId('setting');
	const control = settingControl(field, id);
	const error = errorLine(`setting-error-${field.path}`, { id: `${id}-error` });
	const allowed = allowedWords(field);
	let bad = false;
	const refuse = (message) => {
		setText(error, message);
		setAttr(control, 'aria-invalid', message ? 'true' : null);
		if (message) control.focus();
	};
	control.addEventListener('input', () => {
		const read = settingValue(field, control.value);
		bad = Boolean(read.error);
		setText(error, read.error ?? '');
		setAttr(control, 'aria-invalid', bad ? 'true' : null);
		if (bad) wrong();
		else changed(field.path, read.value);
	});
	return {
		element: h(
			'div.field',
			{},
			h('label', { for: id }, field.title),
			field.unit ? h('span.with-unit', {}, control, h('span', { 'aria-hidden': 'true' }, field.unit)) : control,
			h('p.quiet', { id: `${id}-hint` }, prose(field.description), allowed ? ` (${allowed})` : ''),
			error,
		),
		show(value) {
			if (
				bad ||
				(control === document.activeElement && settingText(field, settingValue(field, control.value).value) === settingText(field, value))
			)
				return;
			const text = settingText(field, value);
			if (control.value !== text) control.value = text;
		},
		isWrong: () => bad,
		refuse,
		setDisabled(why) {
			if (control.tagName === 'SELECT') control.disabled = Boolean(why);
			else control.readOnly = Boolean(why);
		},
	};
}

function settingControl(field, id) {
	const common = { id, testid: `setting-${field.path}`, 'aria-describedby': `${id}-hint ${id}-error` };
	const unset = h('option', { value: '' }, field.fallback === null ? 'default' : `default: ${valueWords(field, field.fallback)}`);
	if (field.kind === 'choice')
		return h(
			'select.input',
			common,
			unset,
			field.choices.map((choice) => h('option', { value: choice }, choice)),
		);
	if (field.kind === 'boolean')
		return h('select.input', common, unset, h('option', { value: 'true' }, 'on'), h('option', { value: 'false' }, 'off'));
	if (field.kind === 'array') return h('textarea.input.mono', { ...common, rows: '2', spellcheck: 'false' });
	const isNumber = field.kind === 'integer' || field.kind === 'number';
	return h('input.input', {
		...common,
		autocomplete: 'off',
		spellcheck: 'false',
		inputmode: isNumber ? 'decimal' : null,
		placeholder: field.fallback,
	});
}
