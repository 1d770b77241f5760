// The task page, made better: keys for every answer, a draft that survives, a lease that stays, the time it took.
// Everything works without this file; it only spares movements and losses.
const form = document.querySelector('form[data-annotate]')
const net = document.querySelector('.net')
const { client, lease, saved, kept, offline, sending } = form.dataset
const DAY = 864e5

// Storage may be closed to us (private windows, full devices); the page must not care.
const store = {
  get: key => { try { return JSON.parse(localStorage.getItem(key)) } catch { return null } },
  set: (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); return true } catch { return false } },
  drop: key => { try { localStorage.removeItem(key) } catch { /* nothing to drop */ } },
  keys: () => { try { return Object.keys(localStorage) } catch { return [] } },
}

// The draft: every change is kept under the answer's own id until the server has said that it holds it.
const name = 'draft:' + client
const fields = () => [...form.elements].filter(e => e.name?.startsWith('a.') || e.name?.startsWith('flag'))
const draft = () => fields().map(e => [e.name, e.type === 'radio' || e.type === 'checkbox' ? e.checked : e.value, e.value])
const keep = () => { if (store.set(name, { at: Date.now(), values: draft() })) net.textContent = kept }
if (saved) store.drop('draft:' + saved)
for (const key of store.keys()) if (key.startsWith('draft:') && Date.now() - (store.get(key)?.at ?? 0) > 7 * DAY) store.drop(key)
const earlier = store.get(name)
if (earlier) {
  const were = new Map(earlier.values.map(([n, v, value]) => [n + '\n' + (typeof v === 'boolean' ? value : ''), v]))
  for (const e of fields()) {
    const box = e.type === 'radio' || e.type === 'checkbox'
    const was = were.get(e.name + '\n' + (box ? e.value : ''))
    if (was !== undefined) box ? (e.checked = was) : (e.value = was)
  }
  net.textContent = kept
}
form.addEventListener('input', keep)

// Sending: how long it took; nothing is sent into the void, and nothing twice by impatience.
const began = performance.now()
let gone = false
form.addEventListener('submit', event => {
  form.elements.seconds.value = ((performance.now() - began) / 1000).toFixed(1)
  if (!navigator.onLine) { event.preventDefault(); keep(); net.textContent = offline; net.classList.add('waiting'); return }
  if (gone) { event.preventDefault(); return }
  gone = true
  net.textContent = sending
})
addEventListener('pageshow', () => { gone = false })
addEventListener('online', () => { net.classList.remove('waiting'); net.textContent = kept })

// The lease: a sign of life while somebody is looking.
setInterval(() => {
  if (document.hidden || !navigator.onLine) return
  const headers = { 'X-CSRFToken': form.elements.csrfmiddlewaretoken.value }
  fetch(`/api/v1/leases/${lease}/heartbeat/`, { method: 'POST', headers }).catch(() => {})
}, 240e3)

// Keys: single ones only outside of text, and only while the person wants them (WCAG 2.1.4).
const box = document.querySelector('.keys')
const wanted = box.querySelector('input')
box.hidden = false
wanted.checked = store.get('keys') !== false
wanted.addEventListener('change', () => store.set('keys', wanted.checked))
const press = key => {
  if (key === '-') return document.querySelector('.bar [form=skip]')
  if (key === '!') return document.getElementById('flag')
  return [...form.querySelectorAll('[data-key]')].find(e => e.dataset.key === key)
}
addEventListener('keydown', event => {
  const modified = event.ctrlKey || event.metaKey
  const writing = /^(TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.type === 'text'
  if (event.key === 'Enter' && modified) { event.preventDefault(); form.requestSubmit(); return }
  if (writing || event.altKey) return
  if (event.key === 'z' && modified) {
    const undo = document.querySelector('[form=undo]')
    if (undo) { event.preventDefault(); undo.click() }
    return
  }
  if (modified || !wanted.checked) return
  const target = press(event.key.toLowerCase())
  if (target) { event.preventDefault(); target.click(); target.focus() }
})
