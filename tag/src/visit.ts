// Records the visit of a page. It is made twice from this one text: the core
// says which page is read, for how long and how far down; the full one, FULL,
// also says what was done there. What is sent, and how, is told in tag.go.
//
// Neither reads or writes anything that the browser keeps, nor sets a timer,
// nor stands in the way of the back-forward cache. Each byte counts: the tests
// hold both to a size.

declare const FULL: boolean // which of the two it is; esbuild says so

type Page = { page: string; url: string; referrer: string; site: string | undefined; width: number; auto: boolean }

type Fact = [name: string, target?: string | null, value?: number]

interface Window {
  // What a site has to tell: an array until the first view, so that a site may
  // push before this runs, or if it never does.
  loot?: { push(fact: Fact): void }
}

// A block keeps its names to itself, as a function would, in fewer bytes.
{
  const script = document.currentScript as HTMLScriptElement
  const { site, to = script.src, hash } = script.dataset

  let page: Page | undefined // the last that was viewed
  let open: boolean // it has not been left
  let address: string // it may have been replaced since the page's view
  let engaged: boolean // as of the last update
  let updated: number
  let time: number
  let depth: number // of the lower edge, in pixels
  let sent: string
  let event: (fact: Fact) => unknown
  let events = 0

  const here = () => location.href.replace(hash == null ? /#.*/ : '', '')

  // Every beacon tells all about its page, so that one that is lost, late or
  // doubled changes nothing; one that would say nothing new is not sent. There
  // is no other way if a visitor has turned beacons off, on purpose.
  const send = (kind: string, more?: object) => {
    const beacon = JSON.stringify({ kind, ...page, ...more })
    if (beacon != sent) navigator.sendBeacon?.(to, (sent = beacon))
  }

  // Runs at whatever may begin a page, end it, or change whether it is read. A
  // page that is being prepared or stands in the background is hidden, and has
  // no view before it is shown. One that comes back out of the back-forward
  // cache was left, so it is a new one.
  const update = (type?: string) => {
    const now = performance.now()
    const stays = type != 'pagehide'
    const shown = stays && !document.hidden
    if (engaged) time += now - updated
    updated = now
    // Beside the window that is being worked in, a page may well be visible.
    engaged = shown && document.hasFocus()
    depth = Math.max(depth, scrollY + innerHeight)
    if (shown) {
      if (!open) {
        page = {
          page: '' + crypto.getRandomValues(new BigUint64Array(1)),
          url: (address = here()).slice(0, 999),
          // From the second page on, whoever sent the visitor has been told.
          referrer: (page ? page.url : document.referrer).slice(0, 999),
          site,
          // A class of five: an exact width would tell people apart.
          width: Math.min(5, innerWidth / 500 + 1) | 0,
          auto: navigator.webdriver,
        }
        open = true
        // The position is still that of the page before, if a router changes it later.
        time = depth = 0
        send('view')
        if (FULL && !events++) {
          if (document.querySelector('[data-loot-404]')) event(['404'])
          ;(window.loot as Fact[] | undefined)?.map(event)
          window.loot = { push: event }
        }
      }
    } else if (open) {
      // By the height that the page has now: it may have grown since.
      send('engagement', { time: time | 0, scroll: (100 * depth) / document.documentElement.scrollHeight + 0.5 | 0 })
      open = stays
    }
  }

  // Sites replace an address to keep a filter or a position in it, letter by letter.
  const navigated = (e: { navigationType?: string | null; type?: string }) => {
    if (address != (address = here()) && e.navigationType != 'replace') {
      update('pagehide')
      update()
    }
  }

  // Before the first view there is nothing that it could belong to.
  if (FULL) event = ([name, target, value]) => page && send('event', { name, target, value, count: ++events })

  // Captured on the way down, so that no listener of the site can stop it.
  for (const type of ['visibilitychange', 'focus', 'blur', 'scroll', 'pageshow', 'pagehide', ...(FULL ? ['click', 'auxclick', 'submit'] : [])])
    addEventListener(type, e => {
      update(type)
      if (FULL) {
        const at = e.target as HTMLElement
        // A field that is called id hides the form's own.
        if (type == 'submit') event([at.dataset.lootEvent || 'form', at.getAttribute('id')])
        if ((e as MouseEvent).button < 2) { // the right one opens a menu
          const named = at.closest<HTMLElement>('[data-loot-event]:not(form)')
          const link = at.closest('a')
          if (named) event([named.dataset.lootEvent!])
          if (link?.host) // mailto: has none
            if (link.matches('[download]') || /\.(pdf|(doc|xls|ppt)x?|csv|zip|gz|dmg|exe|mp[34])$/i.test(link.pathname)) event(['download', link.pathname])
            else if (link.host != location.host) event(['outbound', link.host + link.pathname])
        }
      }
    }, true)

  if (window.navigation) navigation.addEventListener('currententrychange', navigated)
  else {
    const push = history.pushState
    history.pushState = (...args) => {
      push.apply(history, args)
      navigated({})
    }
    addEventListener('popstate', navigated)
  }

  update()
}
